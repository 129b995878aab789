import { chmodSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { publicDirectory } from '../fixtures/apache.ts';
import { type Postgres, startPostgres } from '../fixtures/postgres.ts';
import { TOOLS } from './build.ts';
import type { KeyName } from './keys.ts';
import { load } from './load.ts';
import { createAccounts, ENCODED, range, SITE, writeChecks } from './people.ts';
import { type Dialogue, dialogue } from './processes.ts';
import { type Served, type ServeOptions, serve } from './serve.ts';

/** How many accounts are verified before a measurement, and how many remain for cold checks. */
const HOT = 16;
const COLD = 20_000;

/** PostgreSQL settings that show whole statements (for their plan) and load millions of rows faster. */
const SETTINGS = [
  'track_activity_query_size = 16384',
  "maintenance_work_mem = '256MB'",
  'wal_level = minimal',
  'max_wal_senders = 0',
];

/** Databases and daemons that cases share; each is started when first used. */
export class Stage {
  readonly directory = publicDirectory();
  /** Fewer and shorter rounds, to check that everything works. Do not quote its figures. */
  readonly quick: boolean;
  readonly cores = availableParallelism();
  readonly #report: (what: string) => void;
  readonly #ends: (() => Promise<void>)[] = [];
  #postgres: Promise<Postgres> | undefined;
  #database: Promise<string> | undefined;
  #main: Promise<Served> | undefined;
  #hotFrames: Promise<string> | undefined;
  #nextCold = HOT + 1;
  #clock: Dialogue | undefined;
  readonly #wanted: ReadonlySet<KeyName>;

  constructor(quick: boolean, wanted: ReadonlySet<KeyName>, report: (what: string) => void) {
    this.quick = quick;
    this.#wanted = wanted;
    this.#report = report;
    process.once('exit', () => rmSync(this.directory, { recursive: true, force: true }));
  }

  progress(what: string): void {
    this.#report(what);
  }

  /** Returns the first value in a full run, the second in a quick one. */
  choose<T>(full: T, quick: T): T {
    return this.quick ? quick : full;
  }

  /** Whether one of these keys is asked for. A case may leave out the parts of which no key is. */
  wants(...keys: readonly KeyName[]): boolean {
    return keys.some((key) => this.#wanted.has(key));
  }

  /** Registers a function to call at the end; the last one is called first. */
  atEnd(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  async close(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) {
      try {
        await end();
      } catch (error) {
        process.stderr.write(`at the end: ${error instanceof Error ? error.message : error}\n`);
      }
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** The program that tells the processor time of processes. */
  clock(): Dialogue {
    if (!this.#clock) {
      const started = dialogue(join(TOOLS, 'cputime'), []);
      this.atEnd(() => started.close());
      this.#clock = started;
    }
    return this.#clock;
  }

  postgres(): Promise<Postgres> {
    this.#postgres ??= startPostgres().then(async (postgres) => {
      this.atEnd(() => postgres.stop());
      for (const setting of SETTINGS) await postgres.execute('postgres', `ALTER SYSTEM SET ${setting}`);
      await postgres.restart();
      chmodSync(postgres.socketDirectory, 0o755); // mod_wsgi connects as another user
      return postgres;
    });
    return this.#postgres;
  }

  /** Django's tables with accounts at 600,000 iterations; its url. */
  database(): Promise<string> {
    this.#database ??= this.postgres().then((postgres) => createAccounts(postgres, 'site', HOT + COLD, ENCODED));
    return this.#database;
  }

  async serve(options: Omit<ServeOptions, 'directory'>): Promise<Served> {
    const served = await serve({ ...options, directory: this.directory });
    this.atEnd(() => served.stop());
    return served;
  }

  /** The daemon for that database, with default settings. Its log is emptied. */
  async main(): Promise<Served> {
    this.#main ??= this.database().then((url) =>
      this.serve({ name: 'main', config: `[sites."${SITE}"]\ndatabase = "${url}"` }),
    );
    const main = await this.#main;
    main.forgetLog();
    return main;
  }

  /** A file of checks whose proofs `main()` has cached. */
  hotFrames(): Promise<string> {
    this.#hotFrames ??= this.main().then(async ({ socket }) => {
      const frames = writeChecks(this.directory, 'hot', range(1, HOT));
      this.progress('proofs');
      await load({ socket, frames, once: true });
      return frames;
    });
    return this.#hotFrames;
  }

  /** A file of checks that `main()` has not seen yet. */
  coldFrames(count: number): string {
    const from = this.#nextCold;
    this.#nextCold += count;
    if (this.#nextCold > HOT + COLD + 1) throw new Error('no account for cold checks is left');
    return writeChecks(this.directory, `cold${from}`, range(from, count));
  }
}
