import { join } from 'node:path';
import { createSite } from '../../fixtures/site.ts';
import type { Case } from '../case.ts';
import { load } from '../load.ts';
import { CHEAP, range, SITE, writeChecks } from '../people.ts';
import type { Served } from '../serve.ts';
import type { Stage } from '../stage.ts';

/** The number of users granted at each step. The last step exceeds `cache.proofs` and `cache.accounts`. */
const PROOFS = [1, 25_000, 50_000, 100_000, 125_000] as const;
const AIMED_AT = 100_000;

interface Memory {
  readonly rss: number;
  readonly private: number;
  readonly shared: number;
}

/** Resident memory of a daemon with default settings, by the number of users granted. */
export const memory: Case = {
  name: 'memory',
  keys: ['rss_mb_100k'],
  async run(stage) {
    stage.progress('accounts');
    const url = createCrowd(stage.directory, PROOFS.at(-1) as number);
    const config = `[sites."${SITE}"]\ndatabase = "${url}"`;
    const proofs = await byProofs(stage, await stage.serve({ name: 'proofs', config }));
    const side = (count: number, what: string) => {
      const { rss, ...apart } = proofs[count] as Memory;
      return {
        what,
        value: rss,
        unit: 'MB',
        detail: `${Math.round(apart.private)} private, ${Math.round(apart.shared)} shared`,
      };
    };
    return {
      measurements: [
        {
          key: 'rss_mb_100k',
          value: (proofs[AIMED_AT] as Memory).rss,
          ours: side(AIMED_AT, '100,000 proofs'),
          other: side(1, 'one proof'),
        },
      ],
      notes: { rss_mb_by_proofs: proofs },
    };
  },
};

/** A SQLite database, the fastest to query: a hundred thousand users are granted first. @returns its url */
function createCrowd(directory: string, count: number): string {
  const site = createSite(join(directory, 'crowd.sqlite3'), []);
  site.database
    .prepare(
      `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
       INSERT INTO auth_user (username, password, is_superuser, first_name, last_name, email, is_staff, is_active,
                              date_joined)
       SELECT 'user' || n, ?, 0, 'Ada', 'Lovelace', 'user' || n || '@example.com', 1, 1, '2026-01-01' FROM numbers`,
    )
    .run(count, CHEAP);
  site.database.exec(`
    INSERT INTO auth_group (name) VALUES ('Editors');
    INSERT INTO auth_user_groups (user_id, group_id) SELECT id, 1 FROM auth_user;`);
  site.close();
  return site.url;
}

async function byProofs(stage: Stage, daemon: Served): Promise<Record<number, Memory>> {
  const memory: Record<number, Memory> = {};
  let asked = 0;
  for (const step of PROOFS) {
    stage.progress(`${step.toLocaleString('en')} proofs`);
    const frames = writeChecks(stage.directory, 'crowd', range(asked + 1, step - asked));
    await load({ socket: daemon.socket, frames, once: true, connections: 16 });
    daemon.forgetLog();
    asked = step;
    memory[step] = { rss: daemon.rssMb(), ...daemon.memoryMb() };
  }
  await daemon.stop();
  return memory;
}
