import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TOOLS } from '../build.ts';
import type { Case } from '../case.ts';
import { load, loadArguments } from '../load.ts';
import { end, start } from '../processes.ts';

/** The number of open connections at each step. */
const STEPS = [1_000, 2_500, 5_000, 10_000] as const;

/** Resident memory by the number of open connections, each of which was used once. It has no aim. */
export const connections: Case = {
  name: 'connections',
  keys: [],
  async run(stage) {
    const frames = await stage.hotFrames();
    const { socket, rssMb } = await stage.main();
    await load({ socket, frames, seconds: 1, connections: 8 });
    const rss: Record<number, number> = { 8: rssMb() };
    const holders = [];
    let open = 0;
    for (const step of STEPS) {
      stage.progress(`${step.toLocaleString('en')} connections`);
      const more = step - open;
      const args = ['-w', ...loadArguments({ socket, frames, connections: more, count: more })];
      const holder = start(join(TOOLS, 'load'), args, { stdio: ['pipe', 'pipe', 'pipe'] });
      holders.push(holder);
      let said = '';
      holder.stderr?.on('data', (text) => {
        said += text;
      });
      const lines = createInterface({ input: holder.stdout as NodeJS.ReadableStream });
      const { value, done } = await lines[Symbol.asyncIterator]().next();
      if (done || JSON.parse(value).count !== more) throw new Error(`${step} connections: ${said.trim() || value}`);
      open = step;
      rss[step] = rssMb();
    }
    for (const holder of holders) await end(holder);
    return { measurements: [], notes: { rss_mb_by_connections: rss } };
  },
};
