import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { messageOf } from '../fault.ts';
import { ImportError } from './import-error.ts';
import source from './introspect.py';
import { type Facts, factsSchema } from './introspection.ts';

export interface PythonOptions {
  /** The settings module. */
  readonly settings: string;
  /** The interpreter; by default that of $VIRTUAL_ENV, else `python3`. */
  readonly python?: string | undefined;
  /** Goes before all else on sys.path and is where it runs; by default the current directory. */
  readonly path?: string | undefined;
  /** How long the site may take to start, in ms. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 60_000;

/** How much of an output is kept, in octets. */
const OUTPUT_MAX = 1024 * 1024;

/** How long a pipe is waited for that something the site has started may hold open, in ms. */
const LINGER_MS = 1_000;

/**
 * Runs the site's own Python once and learns what is needed to know of it. Nothing of it but JSON is believed.
 *
 * @throws ImportError, with what Python wrote on standard error where it failed
 */
export async function introspect(options: PythonOptions): Promise<Facts> {
  const { settings, path } = options;
  const virtual = process.env.VIRTUAL_ENV;
  const python = options.python ?? (virtual ? join(virtual, 'bin/python') : 'python3');
  const { document, stderr, problem } = await run(python, path, settings, options.timeoutMs ?? TIMEOUT_MS);
  if (problem !== undefined) {
    throw new ImportError(`${stderr ? `${stderr.trimEnd()}\n` : ''}djauthd: ${settings}: ${problem}`);
  }
  let facts: unknown;
  try {
    facts = JSON.parse(document);
  } catch {
    throw new ImportError(`djauthd: ${settings}: ${python} said nothing that can be understood`);
  }
  const result = factsSchema.safeParse(facts);
  if (result.success) return result.data;
  const where = result.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new ImportError(`djauthd: ${settings}: ${python} said of the site what cannot be understood: ${where}`);
}

interface Outcome {
  document: string;
  stderr: string;
  /** A sentence where it failed. */
  problem: string | undefined;
}

function run(python: string, path: string | undefined, settings: string, timeoutMs: number): Promise<Outcome> {
  const directory = resolve(path ?? '.');
  const pythonPath = [directory, process.env.PYTHONPATH].filter(Boolean).join(':');
  return new Promise((done) => {
    // The program comes on standard input, the answer on a descriptor of its own: what the site prints is not in it.
    const child = spawn(python, ['-'], {
      cwd: directory,
      env: {
        ...process.env,
        DJANGO_SETTINGS_MODULE: settings,
        PYTHONPATH: pythonPath,
        PYTHONIOENCODING: 'utf-8',
        PYTHONWARNINGS: 'ignore', // a warning quotes the line of source that it is about
      },
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const document = collect(child.stdio[3] as Readable);
    const stderr = collect(child.stderr as Readable);
    child.stdin?.on('error', () => {}); // it may end without reading
    child.stdin?.end(source);
    const finish = (problem: string | undefined) => {
      clearTimeout(timer);
      done({ document: document.text(), stderr: stderr.text(), problem });
    };
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      for (const pipe of [document, stderr]) pipe.close();
      finish(`${python} took longer than ${timeoutMs / 1000} s to load the settings and was stopped`);
    }, timeoutMs);
    child.once('error', (error) => finish(`cannot run ${python} in ${directory}: ${messageOf(error)}`));
    child.once('exit', async (code, signal) => {
      await Promise.all([document.ended(LINGER_MS), stderr.ended(LINGER_MS)]);
      finish(code === 0 ? undefined : `${python} could not load the settings: ${signal ?? `exit status ${code}`}`);
    });
  });
}

function collect(stream: Readable): { text(): string; ended(withinMs: number): Promise<void>; close(): void } {
  const chunks: Buffer[] = [];
  let octets = 0;
  stream.on('data', (chunk: Buffer) => {
    octets += chunk.length;
    if (octets <= OUTPUT_MAX) chunks.push(chunk);
  });
  stream.on('error', () => {});
  const end = new Promise<void>((resolve) => stream.once('close', resolve));
  return {
    text: () => Buffer.concat(chunks).toString('utf8'),
    close: () => stream.destroy(),
    async ended(withinMs) {
      const timer = setTimeout(() => stream.destroy(), withinMs);
      await end;
      clearTimeout(timer);
    },
  };
}
