import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { type FrameCounts, fuzzConnection, fuzzReader, Random } from './frames.ts';

/*
 * npm run fuzz [-- --frames N] [--executions N] [--seed N]
 *
 * Sends random frames to the protocol's codec and to live connections, then runs the libFuzzer targets of client-c/fuzz
 * under ASan and UBSan, and prints how much was done. A failure names the seed, or leaves libFuzzer's file.
 */

process.on('SIGINT', () => process.exit(130));

const number = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('not a number');
  return Number(text);
};
const options = new Command('npm run fuzz --')
  .option('--frames <n>', 'how many frames in TypeScript', number, 5_000_000)
  .option('--executions <n>', 'how many executions in C, all targets together', number, 50_000_000)
  .option('--seed <n>', 'repeats a run', number, Date.now() % 2 ** 31)
  .parse()
  .opts<{ frames: number; executions: number; seed: number }>();

const CLIENT = join(import.meta.dirname, '../../client-c');

/** The targets, what share of the executions each has, and its parameters, as in client-c/test/test.mk. */
const TARGETS = [
  { name: 'reply_fuzz', share: 0.4, words: ['-max_len=4096'], corpora: ['corpus'] },
  { name: 'text_fuzz', share: 0.4, words: ['-max_len=200'], corpora: [] },
  {
    name: 'groups_fuzz',
    share: 0.2,
    words: ['-max_len=4096', '-dict=fuzz/groups.dict'],
    corpora: ['groups-corpus', 'corpus'],
  },
];

const whole = (value: number) => Math.round(value).toLocaleString('en');

async function typescript(): Promise<void> {
  if (options.frames === 0) return;
  const random = new Random(options.seed);
  const counts: FrameCounts = { frames: 0, connections: 0, valid: 0, bad: 0 };
  const startedAt = performance.now();
  // Unanswered turns of one connection are used by others.
  const one = async () => {
    while (counts.frames < options.frames) {
      if (random.below(4) === 0) for (let i = 0; i < 2; i++) fuzzReader(random, counts);
      else await fuzzConnection(random, counts);
    }
  };
  await Promise.all(Array.from({ length: 16 }, one));
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(
    `TypeScript: ${whole(counts.frames)} frames in ${seconds.toFixed(0)} s (seed ${options.seed}): ` +
      `${whole(counts.connections)} connections, ${whole(counts.valid)} requests answered once, ` +
      `${whole(counts.bad)} connections closed at a bad request`,
  );
}

/** @returns how many executions were done */
function c(): number {
  if (options.executions === 0) return 0;
  const out = '../build/c-test';
  const build = spawnSync(
    'make',
    ['-s', '-C', CLIENT, ...TARGETS.map(({ name }) => `${out}/${name}`), `${out}/corpus`],
    {
      stdio: 'inherit',
    },
  );
  if (build.status !== 0) process.exit(1);
  let done = 0;
  for (const { name, share, words, corpora } of TARGETS) {
    const runs = Math.round(options.executions * share);
    const places = corpora.map((folder) => join(CLIENT, out, folder));
    for (const place of places) mkdirSync(place, { recursive: true });
    const startedAt = performance.now();
    const { status, stderr } = spawnSync(
      join(CLIENT, out, name),
      [
        ...words,
        '-timeout=5',
        `-runs=${runs}`,
        `-seed=${options.seed}`,
        '-verbosity=0',
        '-print_final_stats=1',
        ...places,
      ],
      { cwd: CLIENT, encoding: 'utf8', maxBuffer: 1e8 },
    );
    const executed = Number(/number_of_executed_units:\s*(\d+)/.exec(stderr)?.[1] ?? 0);
    done += executed;
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(`C: ${name}: ${whole(executed)} executions under ASan and UBSan in ${seconds.toFixed(0)} s`);
    if (status !== 0) {
      console.error(stderr.slice(-4_000));
      process.exit(1);
    }
  }
  return done;
}

await typescript();
const done = c();
if (done > 0) console.log(`C: ${whole(done)} executions in all`);
