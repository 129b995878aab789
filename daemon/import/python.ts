import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { messageOf } from '../fault.ts';
import { ImportError } from './import-error.ts';
import source from './introspect.py';
import { failureSchema, type Introspection, introspectionSchema } from './introspection.ts';

export interface PythonOptions {
  /** The settings module. */
  readonly settings: string;
  /** The interpreter, relative to the current directory; by default that of $VIRTUAL_ENV, else `python3`. */
  readonly python?: string | undefined;
  /** The working directory, and the first entry of sys.path; by default the current directory. */
  readonly path?: string | undefined;
  /** The alias of the database to read; by default the one that accounts are written to. */
  readonly database?: string | undefined;
  /** How long loading the site may take, in ms. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 60_000;

/** How much of an output is kept, in octets. */
const OUTPUT_MAX = 1024 * 1024;

/** How long to wait, in ms, for a pipe that a process started by the site may hold open. */
const LINGER_MS = 1_000;

/**
 * Runs the site's own Python once to introspect it. Of its output only a valid document is used.
 *
 * @throws ImportError, if Python failed with what it wrote on standard error
 */
export async function introspect(options: PythonOptions): Promise<Introspection> {
  const { settings } = options;
  const virtual = process.env.VIRTUAL_ENV;
  const named = options.python ?? (virtual ? join(virtual, 'bin/python') : 'python3');
  const python = named.includes('/') ? resolve(named) : named;
  const { document, stderr, problem } = await run(python, options);
  if (problem !== undefined) {
    throw new ImportError(
      `${stderr ? `${stderr.trimEnd()}\n` : ''}djauthd: ${settings}: ${explained(problem, document, python, options)}`,
    );
  }
  let introspection: unknown;
  try {
    introspection = JSON.parse(document);
  } catch {
    throw new ImportError(`djauthd: ${settings}: ${python} returned no valid JSON`);
  }
  const result = introspectionSchema.safeParse(introspection);
  if (result.success) return result.data;
  const where = result.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new ImportError(`djauthd: ${settings}: ${python} returned invalid values: ${where}`);
}

interface Outcome {
  document: string;
  stderr: string;
  /** A sentence if it failed. */
  problem: string | undefined;
}

/** A problem with its cause, as the document tells it. */
function explained(problem: string, document: string, python: string, options: PythonOptions): string {
  let cause: { failure: string; missing: string | null };
  try {
    cause = failureSchema.parse(JSON.parse(document));
  } catch {
    return problem;
  }
  if (cause.missing === 'django') {
    return `${python} has no Django: name the site's own Python with --python, such as --python venv/bin/python`;
  }
  const package_ = options.settings.split('.')[0];
  const hint = cause.missing === package_ ? `; name the directory that contains ${package_} with --path` : '';
  return `cannot load the settings: ${cause.failure}${hint}`;
}

function run(python: string, { settings, path, database, timeoutMs = TIMEOUT_MS }: PythonOptions): Promise<Outcome> {
  const directory = resolve(path ?? '.');
  const pythonPath = [directory, process.env.PYTHONPATH].filter(Boolean).join(':');
  return new Promise((done) => {
    // The program is sent to standard input; the document has its own descriptor, apart from what the site prints.
    const child = spawn(python, ['-'], {
      cwd: directory,
      env: {
        ...process.env,
        DJANGO_SETTINGS_MODULE: settings,
        ...(database === undefined ? {} : { DJAUTHD_DATABASE: database }),
        PYTHONPATH: pythonPath,
        PYTHONIOENCODING: 'utf-8',
        PYTHONWARNINGS: 'ignore', // a warning quotes a line of source, which may hold a password
      },
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const document = collect(child.stdio[3] as Readable);
    const stderr = collect(child.stderr as Readable);
    child.stdin?.on('error', () => {}); // the child may exit without reading
    child.stdin?.end(source);
    const finish = (problem: string | undefined) => {
      clearTimeout(timer);
      done({ document: document.text(), stderr: stderr.text(), problem });
    };
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      for (const pipe of [document, stderr]) pipe.close();
      finish(`${python} timed out loading the settings after ${timeoutMs / 1000} s`);
    }, timeoutMs);
    child.once('error', (error) => finish(`cannot run ${python} in ${directory}: ${messageOf(error)}`));
    child.once('exit', async (code, signal) => {
      await Promise.all([document.ended(LINGER_MS), stderr.ended(LINGER_MS)]);
      finish(code === 0 ? undefined : `${python} cannot load the settings: ${signal ?? `exit status ${code}`}`);
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
