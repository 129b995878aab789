import { join } from 'node:path';
import { waitFor } from '../../fixtures/daemon.ts';
import { TOOLS } from '../build.ts';
import type { Case } from '../case.ts';
import { load, loadArguments } from '../load.ts';
import { end, start } from '../processes.ts';
import { interleave, ratio } from '../rounds.ts';

/** Concurrent cold checks for each core: enough to keep every worker busy, few enough not to be rejected. */
const FLOOD_PER_CORE = 4;
const PER_SECOND = 80;

/** The latency of cached checks during a flood of cold ones. */
export const flood: Case = {
  name: 'flood',
  keys: ['flood_p99_vs_idle'],
  async run(stage) {
    const frames = await stage.hotFrames();
    const main = await stage.main();
    const { socket } = main;
    const flood = FLOOD_PER_CORE * stage.cores;
    const seconds = stage.choose(3, 1);
    const p99 = async () => (await load({ socket, frames, seconds })).p99_us;
    const figures = await interleave(stage, stage.choose(7, 3), {
      flooded: async () => {
        const cold = stage.coldFrames(PER_SECOND * seconds * stage.cores + flood);
        const strangers = { socket, frames: cold, connections: flood, once: true };
        const child = start(join(TOOLS, 'load'), loadArguments(strangers), { stdio: ['ignore', 'ignore', 'pipe'] });
        let said = '';
        child.stderr?.on('data', (text) => {
          said += text;
        });
        await new Promise((resolve) => setTimeout(resolve, 300)); // time for the workers to become busy
        const figure = await p99();
        if (child.exitCode !== null) throw new Error(`the flood ended too early: ${said.trim()}`);
        await end(child, 'SIGKILL');
        // Queued hashes are still computed; wait, so that they do not slow down the other side.
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
