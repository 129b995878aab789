import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TOOLS } from '../build.ts';
import type { Case } from '../case.ts';
import { load, loadArguments } from '../load.ts';
import { CHEAP, createAccounts, range, SITE, writeChecks } from '../people.ts';
import { end, start } from '../processes.ts';
import type { Served } from '../serve.ts';
import type { Stage } from '../stage.ts';

/** How many people have got in when memory is looked at. The last step is past `cache.proofs` and `cache.accounts`. */
const PROOFS = [1, 25_000, 50_000, 100_000, 125_000] as const;
const AIMED_AT = 100_000;

/** How many connections are open, each of which has been answered. */
const CONNECTIONS = [1_000, 2_500, 5_000, 10_000] as const;

/** Resident memory of a daemon with defaults, by the number of proofs, then by the number of connections. */
export const memory: Case = {
  name: 'memory',
  keys: ['rss_mb_100k'],
  async run(stage) {
    const postgres = await stage.postgres();
    stage.progress('accounts');
    const url = await createAccounts(postgres, 'crowd', PROOFS.at(-1) as number, CHEAP);
    const config = `[sites."${SITE}"]\ndatabase = "${url}"`;
    const proofs = await byProofs(stage, await stage.serve({ name: 'proofs', config }));
    const connections = await byConnections(stage, await stage.serve({ name: 'connections', config }));
    const value = proofs[AIMED_AT] as number;
    return {
      measurements: [
        {
          key: 'rss_mb_100k',
          value,
          ours: { what: '100,000 proofs', value, unit: 'MB' },
          other: { what: 'one proof', value: proofs[1] as number, unit: 'MB' },
        },
      ],
      notes: { rss_mb_by_proofs: proofs, rss_mb_by_connections: connections },
    };
  },
};

async function byProofs(stage: Stage, daemon: Served): Promise<Record<number, number>> {
  const rss: Record<number, number> = {};
  let asked = 0;
  for (const step of PROOFS) {
    stage.progress(`${step.toLocaleString('en')} proofs`);
    const frames = writeChecks(stage.directory, 'crowd', range(asked + 1, step - asked));
    await load({ socket: daemon.socket, frames, once: true, connections: 16 });
    daemon.forgetLog();
    asked = step;
    rss[step] = daemon.rssMb();
  }
  await daemon.stop();
  return rss;
}

async function byConnections(stage: Stage, daemon: Served): Promise<Record<number, number>> {
  const frames = writeChecks(stage.directory, 'one', [1]);
  await load({ socket: daemon.socket, frames, count: 1 });
  const rss: Record<number, number> = { 0: daemon.rssMb() };
  const holders = [];
  let open = 0;
  for (const step of CONNECTIONS) {
    stage.progress(`${step.toLocaleString('en')} connections`);
    const more = step - open;
    const args = ['-w', ...loadArguments({ socket: daemon.socket, frames, connections: more, count: more })];
    const holder = start(join(TOOLS, 'load'), args, { stdio: ['pipe', 'pipe', 'pipe'] });
    holders.push(holder);
    let said = '';
    holder.stderr?.on('data', (text) => {
      said += text;
    });
    const { value, done } = await createInterface({ input: holder.stdout as NodeJS.ReadableStream })
      [Symbol.asyncIterator]()
      .next();
    if (done || JSON.parse(value).count !== more) throw new Error(`${step} connections: ${said.trim() || value}`);
    open = step;
    rss[step] = daemon.rssMb();
  }
  for (const holder of holders) await end(holder);
  await daemon.stop();
  return rss;
}
