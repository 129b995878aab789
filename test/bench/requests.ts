import type { Apache } from '../fixtures/apache.ts';
import { output } from './processes.ts';

/** Requests for one page, by wrk, with keep-alive. */
export interface Requests {
  readonly server: Apache;
  readonly path: string;
  readonly connections: number;
  readonly authorization?: string;
  readonly seconds: number;
  /** Sends so many, by ab, instead of as many as are answered in `seconds`: a fixed time would cut off slow ones. */
  readonly count?: number;
}

export interface Answered {
  readonly count: number;
  readonly perSecond: number;
}

/** Sends them. Rejects if one was not answered with the page. */
export async function request({
  server,
  path,
  connections,
  authorization,
  seconds,
  count,
}: Requests): Promise<Answered> {
  const common = [
    ...(authorization === undefined ? [] : ['-H', `Authorization: ${authorization}`]),
    `${server.url}${path}`,
  ];
  const [command, args] =
    count === undefined
      ? ['wrk', ['-t1', `-c${connections}`, `-d${seconds}s`]]
      : ['ab', ['-q', '-k', `-c${connections}`, `-n${count}`, '-s120']];
  const said = await output(command, [...args, ...common]);
  const trouble = /Non-2xx.*|Socket errors.*|Failed requests:\s+[1-9].*/.exec(said);
  if (trouble) throw new Error(`${path}: ${trouble[0]}\n${server.errorLog().slice(-1_000)}`);
  const perSecond = Number(/Requests(?:\/sec| per second):\s+([\d.]+)/.exec(said)?.[1]);
  if (!(perSecond > 0)) throw new Error(`${path}: no request was answered:\n${said}`);
  return { count: count ?? Number(/(\d+) requests in/.exec(said)?.[1]), perSecond };
}

/** HTTP Basic's header. */
export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
