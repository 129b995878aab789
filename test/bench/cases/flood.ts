import { join } from 'node:path';
import { waitFor } from '../../fixtures/daemon.ts';
import { TOOLS } from '../build.ts';
import type { Case } from '../case.ts';
import { load, loadArguments } from '../load.ts';
import { end, start } from '../processes.ts';
import { interleave, ratio } from '../rounds.ts';

/** How many ask with passwords not yet known, at once: enough to keep every worker busy, not so many as to be refused. */
const FLOOD = 16;
const PER_SECOND = 80;

/** What people who are known feel of a flood of those who are not. */
export const flood: Case = {
  name: 'flood',
  keys: ['flood_p99_vs_idle'],
  async run(stage) {
    const frames = await stage.hotFrames();
    const main = await stage.main();
    const { socket } = main;
    const seconds = stage.choose(3, 1);
    const p99 = async () => (await load({ socket, frames, seconds })).p99_us;
    const figures = await interleave(stage, stage.choose(7, 3), {
      flooded: async () => {
        const cold = stage.coldFrames(PER_SECOND * seconds * stage.cores + FLOOD);
        const strangers = { socket, frames: cold, connections: FLOOD, once: true };
        const child = start(join(TOOLS, 'load'), loadArguments(strangers), { stdio: ['ignore', 'ignore', 'pipe'] });
        let said = '';
        child.stderr?.on('data', (text) => {
          said += text;
        });
        await new Promise((resolve) => setTimeout(resolve, 300)); // until the workers are busy
        const figure = await p99();
        if (child.exitCode !== null) throw new Error(`the flood was over too early: ${said.trim()}`);
        await end(child, 'SIGKILL');
        // What is in the queue is computed all the same: the other side must not feel it.
        await waitFor(async () => {
          const { hashes_queued, hashes_running } = await main.stats();
          return hashes_queued === 0 && hashes_running === 0;
        }, 20_000);
        return figure;
      },
      idle: p99,
    });
    return {
      measurements: [ratio('flood_p99_vs_idle', 'µs', ['under a flood', figures.flooded], ['idle', figures.idle])],
    };
  },
};
