import type { Case } from '../case.ts';
import { load } from '../load.ts';
import { CHEAP, createAccounts, writeChecks } from '../people.ts';
import { interleave, median, ratio } from '../rounds.ts';

/** The sites by size. The largest is also what memory.ts takes its people from. */
const SIZES = { few: 1_000, many: 100_000, most: 2_000_000 } as const;
type Size = keyof typeof SIZES;

/** How many people of each size are asked about. */
const ASKED = 200;

/**
 * A check whose proof is known and whose account must be read (account_ttl = 0), with more and more accounts in
 * PostgreSQL; and the plan by which PostgreSQL finds one.
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
    await daemon.stop();
    return {
      measurements: [ratio('check_2m_vs_1k', 'µs', ['2 million accounts', figures.most], ['1 thousand', figures.few])],
      notes: {
        uncached_lookup_p50_us: {
          '1,000': median(figures.few),
          '100,000': median(figures.many),
          '2,000,000': median(figures.most),
        },
      },
    };
  },
};
