import type { Decision } from '../../../daemon/request/question.ts';
import type { EpochFile } from './daemon.ts';
import type { User } from './database.ts';
import type { Machine } from './machine.ts';

/** A grant of the daemon that may be used again, as PROTOCOL.md section 4.1 says. */
interface Held {
  readonly version: number;
  readonly epoch: bigint;
  /** By CLOCK_BOOTTIME. */
  readonly until: number;
}

/** A client that uses leases: the Apache module, without the sections that tell one question from another. */
export class Asker {
  readonly #machine: Machine;
  readonly #file: EpochFile;
  readonly #held = new Map<User, Held>();

  constructor(machine: Machine, file: EpochFile) {
    this.#machine = machine;
    this.#file = file;
  }

  /** The version that a lease grants; undefined: the daemon must be asked. */
  recall(user: User): number | undefined {
    const held = this.#held.get(user);
    if (held === undefined || held.epoch !== this.#file.value) return undefined;
    return this.#machine.boottime() < held.until ? held.version : undefined;
  }

  /** @param sentAt the time by CLOCK_BOOTTIME before the question was sent */
  replied(user: User, { verdict, lease }: Decision, sentAt: number): void {
    if (verdict.kind !== 'granted' || lease === undefined || lease.epoch !== this.#file.value) return;
    this.#held.set(user, { version: Number(verdict.account.email), epoch: lease.epoch, until: sentAt + lease.ms });
  }
}
