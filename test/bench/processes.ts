import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a program that is killed when the bench exits. */
export function start(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(command, args, options);
  running.add(child);
  child.once('close', () => running.delete(child));
  return child;
}

/** Stops it and waits until it has exited. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  const ended = exited(child);
  child.kill(signal);
  await ended;
}

async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once('close', resolve));
}

/** Runs a program and returns its output. Rejects with its standard error. */
export async function output(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const promise = promisify(execFile)(command, args, {
    env: { ...process.env, ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  running.add(promise.child);
  try {
    return (await promise).stdout;
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string };
    throw new Error(`${command}: ${stderr.trim() || message}`);
  } finally {
    running.delete(promise.child);
  }
}

/** A program that answers each line with a line of JSON. */
export interface Dialogue {
  readonly pid: number;
  // biome-ignore lint/suspicious/noExplicitAny: each program has its own answers
  ask(line: string): Promise<any>;
  /** The next line that it says by itself. */
  // biome-ignore lint/suspicious/noExplicitAny: each program has its own answers
  answer(): Promise<any>;
  /** Waits until its standard error matches. */
  stderr(pattern: RegExp): Promise<void>;
  close(signal?: NodeJS.Signals): Promise<void>;
  /** Closes its standard input and waits until it has exited by itself. */
  end(): Promise<void>;
}

export function dialogue(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Dialogue {
  const child = start(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  let failed = '';
  child.once('error', (error) => {
    failed = error.message;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-20_000);
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} ended: ${said.trim() || failed}`);
    return JSON.parse(value);
  };
  return {
    pid: child.pid ?? 0,
    answer,
    ask(line) {
      child.stdin?.write(`${line}\n`);
      return answer();
    },
    async stderr(pattern) {
      while (!pattern.test(said)) {
        if (failed || child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`${command} ended: ${said.trim() || failed}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    close: (signal) => end(child, signal),
    async end() {
      const ended = exited(child);
      child.stdin?.end();
      await ended;
    },
  };
}
