import { join } from 'node:path';
import { TOOLS } from './build.ts';
import { output } from './processes.ts';

export interface Load {
  readonly socket: string;
  /** A file of frames, sent in turn. */
  readonly frames: string;
  readonly connections?: number;
  readonly seconds?: number;
  readonly count?: number;
  /** Sends each frame once. */
  readonly once?: boolean;
  readonly status?: number;
}

export interface Latencies {
  readonly count: number;
  readonly seconds: number;
  readonly p50_us: number;
  readonly p99_us: number;
}

export function loadArguments({ socket, frames, connections, seconds, count, once, status }: Load): string[] {
  return [
    ...(connections === undefined ? [] : ['-c', String(connections)]),
    ...(seconds === undefined ? [] : ['-t', String(seconds)]),
    ...(count === undefined ? [] : ['-n', String(count)]),
    ...(status === undefined ? [] : ['-s', String(status)]),
    ...(once ? ['-1'] : []),
    ...[socket, frames],
  ];
}

/** Runs the C client. Rejects if a reply has an unexpected status. */
export async function load(options: Load): Promise<Latencies> {
  return JSON.parse(await output(join(TOOLS, 'load'), loadArguments(options)));
}

export async function rate(options: Load): Promise<number> {
  const { count, seconds } = await load(options);
  return count / seconds;
}
