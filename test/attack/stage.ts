import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Served, serve } from '../bench/serve.ts';
import { connect } from '../fixtures/client.ts';
import { createSite, encodePbkdf2, type Site } from '../fixtures/site.ts';

export const PASSWORD = 'correct horse battery';

/** How many hashes per second the machine computes, all workers together: Django 4.2's cost on a small server. */
const HASHES_PER_SECOND = 28;

const counts = { known: 20, newcomer: 400, user: 1_000 } as const;

export interface StageOptions {
  /** Counts and wide limits only. */
  readonly short: boolean;
  /** The cost of a hash; undefined: what gives 28 hashes per second here. */
  readonly iterations: number | undefined;
  readonly progress: (what: string) => void;
}

/**
 * The place that is attacked: a site with people who are known (`known1` …), people who have never logged in
 * (`newcomer1` …) and others whose passwords are guessed (`user1` …).
 */
export class Stage {
  readonly directory = mkdtempSync(join(tmpdir(), 'djauthd-attack-'));
  readonly short: boolean;
  readonly progress: (what: string) => void;
  readonly iterations: number;
  readonly encoded: string;
  readonly site: Site;
  readonly #daemons: Served[] = [];
  #newcomers = 0;
  #started = 0;

  private constructor(options: StageOptions, iterations: number) {
    chmodSync(this.directory, 0o755);
    this.short = options.short;
    this.progress = options.progress;
    this.iterations = iterations;
    this.encoded = encodePbkdf2(PASSWORD, { iterations });
    this.site = createSite(join(this.directory, 'db.sqlite3'), [], { wal: true });
    this.fill(this.site, this.encoded);
  }

  static async open(options: StageOptions): Promise<Stage> {
    return new Stage(options, options.iterations ?? (await calibrate()));
  }

  /** All accounts share an encoded hash: each has proofs of its own nevertheless. */
  fill({ database }: Site, encoded: string): void {
    const insert = database.prepare(
      `INSERT INTO auth_user (username, password, is_superuser, first_name, last_name, email, is_staff, is_active, date_joined)
       VALUES (?, ?, 0, 'Ada', 'Lovelace', ?, 1, 1, '2026-01-01')`,
    );
    database.exec('BEGIN');
    for (const [kind, count] of Object.entries(counts)) {
      for (let i = 1; i <= count; i++) insert.run(`${kind}${i}`, encoded, `${kind}${i}@example.com`);
    }
    database.exec('COMMIT');
  }

  /** Somebody who has never logged in. */
  newcomer(): string {
    return `newcomer${1 + (this.#newcomers++ % counts.newcomer)}`;
  }

  /** How long an attack goes on, in seconds. */
  seconds(full: number, short = 3): number {
    return this.short ? short : full;
  }

  /**
   * A new daemon.
   *
   * @param listen lines of [listen]
   * @param config the other sections
   */
  async daemon({ listen = '', config = '', url = this.site.url, site = '' } = {}): Promise<Served> {
    const served = await serve({
      directory: this.directory,
      name: `d${++this.#started}`,
      throttled: true,
      config: `mode = "0666"\n${listen}\n[sites.site]\ndatabase = "${url}"\n${site}\n${config}`,
    });
    this.#daemons.push(served);
    return served;
  }

  async close(): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon.stop()));
    this.site.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The number of iterations with which a daemon computes HASHES_PER_SECOND here and now. */
async function calibrate(): Promise<number> {
  const iterations = 100_000;
  const asked = 40;
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-cost-'));
  // Right passwords: a denial leaves later than its hash is computed.
  const encoded = encodePbkdf2(PASSWORD, { iterations });
  const warming = 4;
  const people = Array.from({ length: asked + warming }, (_, i) => ({ username: `person${i}`, encoded }));
  const site = createSite(join(directory, 'db.sqlite3'), people);
  const config = `[sites.site]\ndatabase = "${site.url}"\n[log]\nlevel = "silent"`;
  const daemon = await serve({ directory, name: 'cost', config });
  const client = await connect(daemon.socket);
  let number = 0;
  const ask = async () => {
    const username = `person${number++}`;
    for (;;) {
      const { status } = await client.check(username, PASSWORD);
      if (status === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  try {
    for (let i = 0; i < warming; i++) await ask();
    const startedAt = performance.now();
    // Two at a time for each of the workers: no queue.
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let i = 0; i < asked / 4; i++) await ask();
      }),
    );
    const perSecond = (asked * 1000) / (performance.now() - startedAt);
    return Math.max(1_000, Math.round((iterations * perSecond) / HASHES_PER_SECOND / 1_000) * 1_000);
  } finally {
    client.close();
    await daemon.stop();
    site.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
