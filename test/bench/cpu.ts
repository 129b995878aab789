import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOOLS } from './build.ts';
import { dialogue } from './processes.ts';
import type { Stage } from './stage.ts';

/** What processes have used of the processors between two moments, in µs. */
export interface Used {
  readonly us: number;
  /** The shares of it in user and system mode, by a clock of hundredths of a second. */
  readonly user: number;
  readonly system: number;
}

/** Runs `work`, and returns its result with the processor time that the processes used meanwhile. */
export async function using<T>(
  stage: Stage,
  pids: readonly number[],
  work: () => Promise<T>,
): Promise<readonly [T, Used]> {
  const clock = stage.clock();
  const now = async () => ({ us: (await clock.ask(pids.join(' '))).ns / 1000, ticks: ticksOf(pids) });
  const before = await now();
  const result = await work();
  const after = await now();
  const us = after.us - before.us;
  const [user, system] = ([0, 1] as const).map((at) => after.ticks[at] - before.ticks[at]) as [number, number];
  const share = us / Math.max(user + system, 1);
  return [result, { us, user: user * share, system: system * share }];
}

/** User and system time in ticks. The name in /proc/PID/stat may have spaces; it ends with the last parenthesis. */
function ticksOf(pids: readonly number[]): [number, number] {
  let [user, system] = [0, 0];
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    user += Number(fields[11]);
    system += Number(fields[12]);
  }
  return [user, system];
}

/** Runs `work` with every processor kept awake: otherwise a local server's latency is the time that waking up takes. */
export async function keptAwake<T>(work: () => Promise<T>): Promise<T> {
  const awake = dialogue(join(TOOLS, 'awake'), []);
  try {
    await awake.answer();
    return await work();
  } finally {
    await awake.close();
  }
}

/** Runs `work`, and returns how many system calls the process made meanwhile, by name. It is much slower meanwhile. */
export async function systemCalls(
  stage: Stage,
  pid: number,
  work: () => Promise<unknown>,
): Promise<Record<string, number>> {
  const file = join(stage.directory, `calls.${pid}`);
  const tracer = dialogue('strace', ['-f', '-c', '-o', file, '-p', String(pid)]);
  await tracer.stderr(/attached/);
  await work();
  await tracer.close('SIGINT');
  const calls: Record<string, number> = {};
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const found = /^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$/.exec(line);
    if (found && found[2] !== 'total') calls[found[2] as string] = Number(found[1]);
  }
  return calls;
}

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
