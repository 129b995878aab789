import { BootClock } from '../../../daemon/clock.ts';
import { createVerifiers } from '../../../daemon/evidence/kinds.ts';
import { VOUCHED } from '../../../daemon/evidence/vouched.ts';
import type { HashPool, Job } from '../../../daemon/hasher/pool.ts';
import { Password } from '../../../daemon/password.ts';
import { Greylist } from '../../../daemon/proof/greylist.ts';
import { PasswordProofs } from '../../../daemon/proof/password-proofs.ts';
import { ProofCache } from '../../../daemon/proof/proof-cache.ts';
import { Returning } from '../../../daemon/proof/returning.ts';
import { admitAll } from '../../../daemon/request/admission.ts';
import { Deadlines } from '../../../daemon/request/deadlines.ts';
import { decide, type Pipeline } from '../../../daemon/request/decide.ts';
import type { Decision } from '../../../daemon/request/question.ts';
import { Site } from '../../../daemon/site/site.ts';
import { STOCK } from '../../../daemon/store/schema.ts';
import { hashPolicy } from '../../fixtures/hash-policy.ts';
import type { Database, User } from './database.ts';
import { type Machine, Process } from './machine.ts';

export interface Settings {
  /** Whether the database is a file that is asked for commits, a server that does not tell of them, or one that does. */
  readonly kind: 'file' | 'server' | 'teller';
  readonly ttlMs: number;
  readonly leaseMs: number;
  readonly staleMs: number;
}

/** The file beside the socket: it outlives its daemon. */
export interface EpochFile {
  value: bigint;
}

/** One process of djauthd, from its start to its end: the real stages over a database and a clock that are not. */
export class SimulatedDaemon {
  readonly process = new Process();
  readonly #machine: Machine;
  readonly #database: Database;
  readonly #settings: Settings;
  readonly #file: EpochFile;
  readonly #clock: { now(): number };
  readonly #accountClock: BootClock;
  readonly #verifiers;
  readonly #deadlines: Deadlines;
  readonly #delay: () => number;
  #site: Site;
  #pipeline: Pipeline;

  constructor(machine: Machine, database: Database, settings: Settings, file: EpochFile, delay: () => number) {
    this.#machine = machine;
    this.#database = database;
    this.#settings = settings;
    this.#file = file;
    this.#delay = delay;
    const { monotonic, wall, boottime: uptime } = machine;
    const clock = { now: monotonic };
    this.#clock = clock;
    this.#accountClock = new BootClock({ monotonic, wall, uptime });
    const pool = {
      backlogSeconds: 0,
      verify: (_: Password, __: Job) =>
        new Promise<boolean>((resolve) => machine.after(delay(), () => resolve(true), 'timer', this.process)),
      withdraw: () => false,
    } as unknown as HashPool;
    const proofs = new ProofCache({ rights: 10, rightTtlMs: 3_600_000, wrongs: 10, wrongTtlMs: 60_000, clock });
    const returning = new Returning({ max: 10, proofTtlMs: 60_000, clock });
    const greylist = new Greylist({ clock, max: 100 });
    this.#verifiers = createVerifiers(new PasswordProofs({ proofs, returning, greylist, pool }));
    this.#deadlines = new Deadlines({ clock, startTimer: this.#startTimer, stopTimer() {} });
    this.#site = this.#makeSite();
    this.#pipeline = this.#makePipeline();
    this.#raise();
  }

  /** Decides on a question that has arrived. */
  ask(user: User, evidence: 'password' | 'vouched'): Promise<Decision> {
    const secret = Password.fromTyped(Buffer.from('right'));
    const decision = decide(
      {
        site: undefined,
        username: user,
        evidence: evidence === 'vouched' ? VOUCHED : { kind: 'password', secret },
        tooLong: false,
        requirements: { staff: false, superuser: false, permissions: [], groups: [] },
        client: { address: '', service: '' },
        deadlineAt: this.#clock.now() + 10_000,
        wantPermissions: false,
        lease: true,
        leased: 0,
      },
      this.#pipeline,
    );
    return Promise.resolve(decision);
  }

  /** As control/flush.ts does it. */
  flush(user?: User): void {
    this.#site.store.reopen();
    this.#site.accounts.flush(user);
    this.#raise();
  }

  /** @param changed whether the configuration of the site was changed: its accounts are then read anew */
  reload(changed: boolean): void {
    if (changed) {
      void this.#site.close();
      this.#site = this.#makeSite();
      this.#pipeline = this.#makePipeline();
    }
    this.#raise();
  }

  stop(): void {
    this.#raise();
    this.kill();
  }

  kill(): void {
    this.process.dead = true;
  }

  readonly #startTimer = (call: () => void, ms: number): object => {
    this.#machine.after(ms, call, 'timer', this.process);
    return {};
  };

  #raise(): void {
    const now = BigInt(Math.floor(this.#machine.wall() * 1_000));
    this.#file.value = now > this.#file.value ? now : this.#file.value + 1n;
  }

  #makeSite(): Site {
    const { kind, ttlMs, staleMs } = this.#settings;
    const database = this.#database;
    const store = kind === 'file' ? database.file() : database[kind](this.process, this.#delay);
    const listen = kind === 'teller' && ttlMs > 0 ? { ttlMs: 60_000, fallbackMs: ttlMs, onChange() {} } : undefined;
    const site = new Site({
      listen,
      ...{ name: 'site', store, schema: STOCK, policy: hashPolicy(), accountTtlMs: ttlMs, staleMs, accountsMax: 10 },
      clock: this.#clock,
      accountClock: this.#accountClock,
      onForgotten: () => this.#raise(),
      startTimer: this.#startTimer,
    });
    site.listen();
    return site;
  }

  #makePipeline(): Pipeline {
    const file = this.#file;
    const epoch = {
      get value() {
        return file.value;
      },
    };
    return {
      sites: new Map([['site', this.#site]]),
      verifiers: this.#verifiers,
      admission: admitAll,
      deadlines: this.#deadlines,
      leasing: { maxMs: this.#settings.leaseMs, epoch },
    };
  }
}
