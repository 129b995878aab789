import { closeSync } from 'node:fs';
import { messageOf } from '../fault.ts';
import type { Log } from '../log/log.ts';
import { createSharedMemory, mapSharedMemory } from '../native/memory.ts';
import { type MemorySource, type NewMemory, ownMemory } from '../proof/memory-source.ts';
import type { SdNotifier } from './sd-notify.ts';
import { KEPT } from './socket-activation.ts';

/**
 * Memory that the service manager holds on to while the daemon is restarted. It has no file and no name: whoever can read
 * it can read the memory of this process or of the service manager. systemd frees it when the service is stopped.
 */
export class KeptMemory implements MemorySource {
  readonly #notifier: SdNotifier;
  readonly #log: Log;
  /** What the service manager passed, until it is taken. */
  #passed: number | undefined;

  constructor({ notifier, log, passed }: { notifier: SdNotifier; log: Log; passed: number | undefined }) {
    this.#notifier = notifier;
    this.#log = log;
    this.#passed = passed;
  }

  take(): NewMemory | undefined {
    const fd = this.#passed;
    if (fd === undefined) return undefined;
    this.#passed = undefined;
    try {
      // The service manager holds it already.
      return { buffer: mapSharedMemory(fd), keep() {}, drop: () => this.#drop(fd, true) };
    } catch (error) {
      this.#log.warn(`the proofs of before the restart are not used: ${messageOf(error)}`);
      this.#drop(fd, true);
      return undefined;
    }
  }

  create(octets: number): NewMemory {
    if (!this.#notifier.isManaged) return ownMemory.create(octets);
    let fd: number | undefined;
    try {
      fd = createSharedMemory(octets);
      const buffer = mapSharedMemory(fd);
      return this.#newMemory(fd, buffer);
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      this.#log.warn(`proofs will not outlive a restart: ${messageOf(error)}`);
      return ownMemory.create(octets);
    }
  }

  #newMemory(fd: number, buffer: ArrayBuffer): NewMemory {
    let kept = false;
    const keep = () => {
      kept = true;
      this.#notifier.keep(KEPT, fd);
    };
    return { buffer, keep, drop: () => this.#drop(fd, kept) };
  }

  #drop(fd: number, kept: boolean): void {
    if (kept) this.#notifier.forget(KEPT);
    closeSync(fd);
  }
}
