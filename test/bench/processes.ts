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
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill(signal);
  await ended;
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
  // biome-ignore lint/suspicious/noExplicitAny: each program has its own answers
  ask(line: string): Promise<any>;
  close(): Promise<void>;
}

export function dialogue(command: string, args: readonly string[]): Dialogue {
  const child = start(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  return {
    async ask(line) {
      child.stdin?.write(`${line}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${command} ended: ${said.trim()}`);
      return JSON.parse(value);
    },
    close: () => end(child),
  };
}
