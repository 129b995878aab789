import { LRUCache } from 'lru-cache';
import type { HashWork } from './hasher.ts';
import { hasherOf } from './hashers.ts';

/** What computing a job takes. */
export interface Estimate {
  /** Algorithms and their amounts: equal for jobs that are the same work, whichever encoded hash is in them. */
  readonly kind: string;
  /** On this machine, as far as it is known. */
  readonly seconds: number;
  /** On an ordinary core, as the hashers say. */
  readonly nominal: number;
}

/** The weight of the latest measurement. */
const WEIGHT = 0.2;

/** How many kinds of work are remembered. A site has one kind, or a few where costs differ too much to be hidden. */
const KINDS_MAX = 256;

/** What a hash is assumed to take that says nothing about itself, in seconds. */
const UNKNOWN = 0.1;

/**
 * How long jobs take, learned from those that were computed. Jobs of the same work have the same estimate, padding
 * included.
 */
export class Estimates {
  /** Measured seconds by kind. */
  readonly #measured = new LRUCache<string, number>({ max: KINDS_MAX });
  /** Measured by nominal seconds, of all kinds. */
  #factor: number | undefined;

  /** Of the job itself. */
  of({ encoded, padding = [] }: HashWork): Estimate {
    return this.#of(padding.length === 0 ? [encoded] : [encoded, ...padding]);
  }

  /** Of the job as it is admitted, in seconds: the same for all accounts of a site. */
  admitted(work: HashWork): number {
    return (work.decoys === undefined ? this.of(work) : this.#of(work.decoys)).seconds;
  }

  #of(hashes: readonly string[]): Estimate {
    const amounts = new Map<string, number>();
    let nominal = 0;
    for (const each of hashes) {
      const hasher = hasherOf(each);
      const seconds = hasher?.work(each)?.seconds ?? UNKNOWN;
      const algorithm = hasher?.algorithm ?? '';
      amounts.set(algorithm, (amounts.get(algorithm) ?? 0) + seconds);
      nominal += seconds;
    }
    const kind = [...amounts]
      .map(([algorithm, seconds]) => `${algorithm} ${seconds.toFixed(6)}`)
      .sort()
      .join(', ');
    return { kind, nominal, seconds: this.#measured.get(kind) ?? nominal * (this.#factor ?? 1) };
  }

  /** What a job of that estimate took, in seconds. */
  learn({ kind, nominal }: Estimate, seconds: number): void {
    const before = this.#measured.get(kind);
    this.#measured.set(kind, before === undefined ? seconds : before + WEIGHT * (seconds - before));
    if (nominal === 0) return;
    const factor = seconds / nominal;
    this.#factor = this.#factor === undefined ? factor : this.#factor + WEIGHT * (factor - this.#factor);
  }
}
