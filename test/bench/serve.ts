import { type ChildProcess, execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '../fixtures/client.ts';
import { PROGRAM } from '../fixtures/daemon.ts';
import { end, start } from './processes.ts';

/** The built daemon, with its log in a file: no reader of the log takes time from the measurement. */
export interface Served {
  readonly socket: string;
  /** From spawn to the first answered ping, in ms. */
  readonly readyMs: number;
  readonly process: ChildProcess;
  readonly pid: number;
  log(): string;
  /** Empties the log. */
  forgetLog(): void;
  /** Resident memory, in MB (of 1,000,000 octets). */
  rssMb(): number;
  /** The same, apart: its own, and pages of files, which all processes of the same program share. */
  memoryMb(): { readonly private: number; readonly shared: number };
  stats(): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

export interface ServeOptions {
  /** The directory of its sockets, configuration and log. */
  readonly directory: string;
  readonly name: string;
  /** The sites, and settings that differ from the defaults. */
  readonly config: string;
  /** Whether guesses are limited as configured. A bench measures what checks cost, floods of guesses included. */
  readonly throttled?: boolean;
}

const READY_MS = 15_000;

export async function serve({ directory, name, config, throttled = false }: ServeOptions): Promise<Served> {
  const [socket, control] = [join(directory, `${name}.sock`), join(directory, `${name}-control.sock`)];
  const [file, logFile] = [join(directory, `${name}.toml`), join(directory, `${name}.log`)];
  // Apache started by root serves as www-data; otherwise as the user who started it.
  const group = process.getuid?.() === 0 ? 'group = "www-data"\n' : '';
  const throttle = throttled ? '' : '[throttle]\nenabled = false\n';
  writeFileSync(file, `${throttle}[listen]\nsocket = "${socket}"\ncontrol = "${control}"\n${group}\n${config}\n`);
  const log = openSync(logFile, 'a');
  const startedAt = performance.now();
  const child = start(PROGRAM, ['serve', '--config', file], { stdio: ['ignore', 'ignore', log] });
  for (;;) {
    const pinged = await ping(socket);
    if (pinged) break;
    if (child.exitCode !== null || performance.now() - startedAt > READY_MS) {
      await end(child, 'SIGKILL');
      throw new Error(`the daemon did not start: ${readFileSync(logFile, 'utf8').trim()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  let closed = false;
  const readyMs = performance.now() - startedAt;

  return {
    socket,
    readyMs,
    process: child,
    pid: child.pid as number,
    log: () => readFileSync(logFile, 'utf8'),
    forgetLog: () => ftruncateSync(log),
    rssMb: () => rssMb(child.pid as number),
    memoryMb: () => memoryMb(child.pid as number),
    async stats() {
      const client = await connect(control);
      const { content } = await client.ask('stats');
      client.close();
      return content.stats;
    },
    async stop() {
      await end(child);
      if (!closed) closeSync(log);
      closed = true;
    },
  };
}

async function ping(socket: string): Promise<boolean> {
  try {
    const client = await connect(socket);
    const { status } = await client.ask('ping');
    client.close();
    return status === 0;
  } catch {
    return false; // not yet
  }
}

function rssMb(pid: number): number {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  return (pages * pageSize()) / 1e6;
}

function memoryMb(pid: number): { private: number; shared: number } {
  const about = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (kind: string) => (Number(new RegExp(`^${kind}:\\s+(\\d+) kB`, 'm').exec(about)?.[1]) * 1024) / 1e6;
  return { private: mb('RssAnon') + mb('RssShmem'), shared: mb('RssFile') };
}

let pageOctets: number | undefined;

function pageSize(): number {
  pageOctets ??= Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));
  return pageOctets;
}
