import type { Postgres } from '../../fixtures/postgres.ts';
import type { Case } from '../case.ts';
import { load } from '../load.ts';
import { CHEAP, createAccounts, writeChecks } from '../people.ts';
import { interleave, median, ratio } from '../rounds.ts';

/** The sites, by number of accounts. */
const SIZES = { few: 1_000, many: 100_000, most: 2_000_000 } as const;
type Size = keyof typeof SIZES;

/** How many users of each site are checked. */
const ASKED = 200;

/**
 * Checks with a cached proof whose account is read each time (account_ttl = 0), with a growing number of accounts in
 * PostgreSQL; and PostgreSQL's plan for the query.
 */
export const accounts: Case = {
  name: 'accounts',
  keys: ['check_2m_vs_1k'],
  async run(stage) {
    const postgres = await stage.postgres();
    const sites: string[] = [];
    for (const [name, count] of Object.entries(SIZES)) {
      stage.progress(`${count.toLocaleString('en')} accounts`);
      sites.push(`[sites.${name}]\ndatabase = "${await createAccounts(postgres, name, count, CHEAP)}"`);
    }
    const daemon = await stage.serve({
      name: 'accounts',
      config: `${sites.join('\n')}\n[cache]\naccount_ttl = 0`,
    });
    const frames = (site: Size) => {
      const step = SIZES[site] / ASKED;
      const numbers = Array.from({ length: ASKED }, (_, at) => 1 + Math.floor(at * step));
      return writeChecks(stage.directory, site, numbers, site);
    };
    const files = { few: frames('few'), many: frames('many'), most: frames('most') };
    for (const file of Object.values(files)) await load({ socket: daemon.socket, frames: file, count: 3 * ASKED });

    const seconds = stage.choose(1.5, 0.5);
    const p50 = async (site: Size) => (await load({ socket: daemon.socket, frames: files[site], seconds })).p50_us;
    const figures = await interleave(stage, stage.choose(7, 3), {
      few: () => p50('few'),
      many: () => p50('many'),
      most: () => p50('most'),
    });
    const plan = await planOf(postgres, 'most');
    await daemon.stop();
    return {
      measurements: [ratio('check_2m_vs_1k', 'µs', ['2 million accounts', figures.most], ['1 thousand', figures.few])],
      notes: {
        uncached_lookup_p50_us: {
          '1,000': median(figures.few),
          '100,000': median(figures.many),
          '2,000,000': median(figures.most),
        },
        account_plan: plan,
      },
    };
  },
};

/** PostgreSQL's plan for the daemon's own query. */
async function planOf(postgres: Postgres, database: string): Promise<string[]> {
  const [asked] = await postgres.execute(
    database,
    `SELECT query FROM pg_stat_activity WHERE application_name = 'djauthd' AND datname = current_database()
     ORDER BY query_start DESC LIMIT 1`,
  );
  if (!asked?.query.includes('$1')) throw new Error(`unexpected query: ${asked?.query}`);
  const rows = await postgres.execute(database, `EXPLAIN (COSTS off) ${asked.query.replaceAll('$1', `'user1000000'`)}`);
  const plan = rows.map((row) => row['QUERY PLAN'] as string);
  if (plan.some((line) => /Seq Scan on auth_user\b/.test(line))) {
    throw new Error(`the plan scans the whole table:\n${plan.join('\n')}`);
  }
  return plan;
}
