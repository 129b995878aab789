import type { Clock } from '../clock.ts';
import { messageOf } from '../fault.ts';
import { type MemorySource, type NewMemory, ownMemory } from './memory-source.ts';
import { ProofCache, type ProofCacheOptions } from './proof-cache.ts';
import { ProofMemory, TABLES, type TableSizes } from './proof-memory.ts';
import { Returning, type ReturningOptions } from './returning.ts';

/** The keys of the configuration that the tables are made of; times in ms. */
export interface ProofKeys {
  readonly proofs: number;
  readonly proof_ttl: number;
  readonly refusals: number;
  readonly refusal_ttl: number;
  /** Whether the tables outlive a restart. */
  readonly keep: boolean;
}

export interface ProofTablesOptions {
  readonly cache: ProofKeys;
  readonly clock: Clock;
  /** Where the memory comes from that outlives a restart. */
  readonly source?: MemorySource | undefined;
  /** Called with a sentence. */
  readonly onNote: (message: string) => void;
  readonly onTrouble: (message: string) => void;
}

/**
 * Everything that a daemon knows of passwords that were shown: proofs, and who returns. They are in one piece of memory,
 * which a restart of the service may leave to the next process, and they stay when the configuration changes.
 */
export class ProofTables {
  readonly proofs: ProofCache;
  readonly returning: Returning;
  readonly #options: ProofTablesOptions;
  #keys: ProofKeys;
  #place: Place;

  constructor(options: ProofTablesOptions) {
    const { cache } = options;
    this.#options = options;
    this.#keys = cache;
    const left = this.#left();
    this.#place = left ?? this.#make(cache);
    const { memory, held } = this.#place;
    this.proofs = new ProofCache({ ...this.#proofOptions(cache, memory), key: memory.key('proofs') });
    this.returning = new Returning({ ...this.#returningOptions(cache, memory), key: memory.key('returning') });
    if (left) this.#takeOver(cache);
    else held.keep();
  }

  /** The keys in force. */
  get keys(): ProofKeys {
    return this.#keys;
  }

  /** Applies other keys. What is remembered is kept, as much of it as there is room for then. */
  configure(cache: ProofKeys): void {
    const before = this.#place;
    const sizes = sizesOf(cache);
    const fits = cache.keep === this.#keys.keep && TABLES.every((name) => sizes[name] === before.memory.sizes[name]);
    this.#keys = cache;
    if (fits) {
      this.proofs.resize(this.#proofOptions(cache));
      this.returning.resize(this.#returningOptions(cache));
      return;
    }
    this.#place = this.#make(cache, before.memory);
    const { memory, held } = this.#place;
    this.proofs.resize(this.#proofOptions(cache, memory));
    this.returning.resize(this.#returningOptions(cache, memory));
    before.memory.wipe();
    before.held.drop();
    held.keep();
  }

  /** What an earlier process left, if it can be used. */
  #left(): Place | undefined {
    const held = this.#options.source?.take();
    if (held === undefined) return undefined;
    try {
      if (this.#keys.keep) return { held, memory: ProofMemory.read(held.buffer) };
    } catch (error) {
      this.#options.onTrouble(`the proofs of before the restart are not used: ${messageOf(error)}`);
    }
    held.drop();
    return undefined;
  }

  #takeOver(cache: ProofKeys): void {
    const { memory } = this.#place;
    if (!memory.isOfThisVersion) {
      this.proofs.flush();
      memory.adopt();
      this.#options.onNote('the proofs of before the restart are not used: another version of djauthd made them');
    }
    const [proofs, returning] = [this.proofs.size, this.returning.size];
    this.#options.onNote(`the restart left ${proofs} proofs, and ${returning} passwords of users who return`);
    this.configure(cache);
  }

  #make(cache: ProofKeys, earlier?: ProofMemory): Place {
    const source = (cache.keep && this.#options.source) || ownMemory;
    const sizes = sizesOf(cache);
    const held = source.create(ProofMemory.octets(sizes));
    return { held, memory: ProofMemory.make(held.buffer, sizes, earlier) };
  }

  /** @param memory undefined: the present one */
  #proofOptions(cache: ProofKeys, memory?: ProofMemory): ProofCacheOptions {
    const { rights, wrongs } = memory?.sizes ?? sizesOf(cache);
    return {
      ...{ rights, rightTtlMs: cache.proof_ttl, wrongs, wrongTtlMs: cache.refusal_ttl, clock: this.#options.clock },
      memory: memory && { rights: memory.table('rights'), wrongs: memory.table('wrongs') },
    };
  }

  #returningOptions(cache: ProofKeys, memory?: ProofMemory): ReturningOptions {
    return {
      max: (memory?.sizes ?? sizesOf(cache)).returning,
      proofTtlMs: cache.proof_ttl,
      clock: this.#options.clock,
      memory: memory?.table('returning'),
    };
  }
}

interface Place {
  readonly memory: ProofMemory;
  readonly held: NewMemory;
}

function sizesOf({ proofs, refusals }: ProofKeys): TableSizes {
  return { rights: proofs, wrongs: refusals, returning: proofs };
}
