import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { LineBatch } from '../../daemon/log/batch.ts';
import { createLog } from '../../daemon/log/log.ts';
import { waitFor } from '../fixtures/daemon.ts';

t.test('lines are passed on whole, in order, and once', async () => {
  const step = fc.oneof(
    { weight: 9, arbitrary: fc.tuple(fc.constantFrom(10, 20, 30, 40, 50), fc.nat(40_000)) },
    { weight: 1, arbitrary: fc.constantFrom('flush' as const, 'wait' as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const handed: string[] = [];
      let flushed = 0;
      const batch = new LineBatch({ write: (lines) => handed.push(lines.toString()), flushSync: () => flushed++ });
      let all = '';
      for (const [at, what] of steps.entries()) {
        if (what === 'flush') batch.flushSync();
        else if (what === 'wait') await sleep(0);
        else {
          const [level, length] = what;
          const line = `${at} ${'x'.repeat(length)}\n`;
          all += line;
          batch.lastLevel = level;
          batch.write(line);
          if (level >= 40 && handed.join('') !== all) return false; // a warning does not wait
        }
      }
      batch.flushSync();
      return handed.join('') === all && handed.every((lines) => lines.endsWith('\n')) && flushed > 0;
    }),
    { numRuns: 300 },
  );
});

t.test('a line waits for others, but not for long', async (t) => {
  const handed: string[] = [];
  const batch = new LineBatch({ write: (lines) => handed.push(lines.toString()), flushSync: () => {} });
  const log = createLog('info', batch);
  for (const name of ['a', 'b', 'c']) log.info(name);
  log.debug('below the level');
  t.same(handed, []);
  await waitFor(() => handed.length > 0);
  t.equal(handed.length, 1, 'one batch');
  t.match(handed[0], /"a".*\n.*"b".*\n.*"c"\}\n$/);
  log.level = 'debug';
  log.debug('at the level');
  log.child({ site: 'x' }).warn('at once');
  t.equal(handed.length, 2);
  t.match(handed[1], /"at the level".*\n.*"x".*"at once"\}\n$/, 'lines that waited are passed on before it');
  log.level = 'error';
  log.warn('below the level');
  log.fatal('the end');
  t.match(handed.slice(2), [/^[^\n]*"the end"\}\n$/]);
  t.equal(pino.levels.values.warn, 40, 'as LineBatch assumes');
});

/** A program that logs, with its standard error on a pipe, a socket or a file. */
interface Talker {
  readonly child: ChildProcess;
  /** Reads what has arrived, up to so many octets; from a socket everything, now and later. */
  read(most?: number): void;
  /** Closes the reading end. */
  close(): void;
  /** Opens the reading end again. */
  open(): void;
  lines(): { level: number; number?: number; msg: string }[];
  text(): string;
  beats(): number;
  /** Its peak memory, in MiB. */
  memory(): number;
  ready(): boolean;
  ended: Promise<number | string | null>;
}

function talk(t: Test, kind: 'pipe' | 'socket' | 'file', count: number, then: string): Talker {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-l-'));
  const path = join(directory, 'log');
  if (kind === 'pipe') execFileSync('mkfifo', [path]);
  let reader = -1;
  const open = () => {
    if (kind === 'pipe') reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  };
  open();
  const error = kind === 'socket' ? 'pipe' : openSync(path, kind === 'pipe' ? 'w' : 'a');
  const program = join(import.meta.dirname, '../fixtures/talker.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', program, `${count}`, then], {
    stdio: ['ignore', 'pipe', error],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  if (typeof error === 'number') closeSync(error);
  let text = '';
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (some: string) => {
    said += some;
  });
  // A pair of sockets, in Node.
  child.stderr?.setEncoding('utf8').on('data', (some: string) => {
    text += some;
  });
  child.stderr?.pause();
  const buffer = Buffer.alloc(64 * 1024);
  const ended = new Promise<number | string | null>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal)),
  );
  t.teardown(() => {
    child.kill('SIGKILL');
    child.stderr?.destroy();
    if (reader >= 0) closeSync(reader);
    rmSync(directory, { recursive: true });
  });
  const numbers = () => said.split('\n').filter((line) => /^\d+$/.test(line));
  return {
    child,
    open,
    read(most = Number.POSITIVE_INFINITY) {
      if (kind === 'socket') child.stderr?.resume();
      if (kind === 'file') text = readFileSync(path, 'utf8');
      for (let left = most; kind === 'pipe' && left > 0; ) {
        try {
          const length = readSync(reader, buffer, 0, Math.min(left, buffer.length), null);
          if (length === 0) return;
          text += buffer.toString('latin1', 0, length);
          left -= length;
        } catch {
          return; // nothing there
        }
      }
    },
    close() {
      if (kind === 'socket') child.stderr?.destroy();
      if (kind === 'pipe') {
        closeSync(reader);
        reader = -1;
      }
    },
    text: () => text,
    lines: () =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    beats: () => numbers().length,
    memory: () => Math.max(...numbers().map(Number)) / 2 ** 20,
    ready: () => said.includes('all\n'),
    ended,
  };
}

function readUntil(talker: Talker, condition: () => boolean): Promise<void> {
  return waitFor(() => {
    talker.read();
    return condition();
  }, 30_000);
}

/** Reads until the talker has ended. Returns its exit code or signal. */
async function readToEnd(talker: Talker): Promise<number | string | null> {
  const { child } = talker;
  await readUntil(talker, () => (child.exitCode ?? child.signalCode) !== null && child.stderr?.readableEnded !== false);
  talker.read();
  return talker.ended;
}

const numbersOf = (talker: Talker) => talker.lines().flatMap(({ number }) => (number === undefined ? [] : [number]));
const upTo = (count: number) => Array.from({ length: count }, (_, number) => number);

for (const kind of ['pipe', 'socket', 'file'] as const) {
  t.test(`standard error is a ${kind}`, async (t) => {
    t.test('nothing is lost at the end', async (t) => {
      const exiting = talk(t, kind, 2500, 'exit');
      t.equal(await readToEnd(exiting), 0);
      t.same(numbersOf(exiting), upTo(2500), 'process.exit');

      const throwing = talk(t, kind, 2500, 'throw');
      t.equal(await readToEnd(throwing), 1);
      t.same(numbersOf(throwing), upTo(2500), 'an uncaught error');
      t.match(throwing.lines().at(-1), { level: 60, msg: /nobody catches this/ });

      const staying = talk(t, kind, 2500, 'stay');
      await readUntil(staying, staying.ready);
      staying.child.kill('SIGTERM');
      t.equal(await readToEnd(staying), 0);
      t.same(numbersOf(staying), upTo(2500), 'SIGTERM');
      t.match(staying.lines().at(-1), { msg: /^stopping: SIGTERM$/ });
    });

    if (kind === 'file') return;

    t.test('a slow reader', async (t) => {
      const count = 100_000;
      const slow = talk(t, kind, count, 'stay');
      await waitFor(slow.ready, 60_000);
      const beats = slow.beats();
      await waitFor(() => slow.beats() > beats + 20, 30_000);
      t.pass('the event loop runs while nothing is read');
      slow.read(10_000); // up to the middle of a line
      let told: { msg: string } | undefined;
      await readUntil(slow, () => {
        told = slow.lines().find(({ level }) => level === 40);
        return told !== undefined;
      });
      const numbers = numbersOf(slow);
      const lost = Number(/^(\d+) log lines lost/.exec(told?.msg ?? '')?.[1]);
      t.equal(numbers.length + lost, count, `${numbers.length} written, ${lost} lost`);
      t.same(numbers, upTo(numbers.length), 'whole and in order');
      t.ok(lost > 0 && slow.memory() < 300, `${Math.round(slow.memory())} MiB at most`);
      slow.child.kill('SIGUSR2');
      slow.child.kill('SIGTERM');
      t.equal(await readToEnd(slow), 0);
    });

    t.test('no reader', async (t) => {
      const closed = talk(t, kind, 10, 'stay');
      await readUntil(closed, () => numbersOf(closed).length === 10);
      closed.close();
      for (let i = 0; i < 5; i++) {
        closed.child.kill('SIGUSR2');
        const beats = closed.beats();
        await waitFor(() => closed.beats() > beats + 2, 30_000);
      }
      if (kind === 'pipe') {
        closed.open();
        closed.child.kill('SIGUSR2');
        await readUntil(closed, () => numbersOf(closed).length === 16);
        t.same(numbersOf(closed), upTo(16), 'the next reader gets the lines that waited');
        closed.close();
      }
      closed.child.kill('SIGTERM');
      t.equal(await closed.ended, 0, 'SIGTERM ends it');
    });

    t.test('a reader that never reads again does not prevent the end', async (t) => {
      const stuck = talk(t, kind, 50_000, 'stay');
      await waitFor(stuck.ready, 60_000);
      stuck.child.kill('SIGTERM');
      t.equal(await stuck.ended, 0);
    });
  });
}

t.test('a reader that closes in the middle of a line, and another one', async (t) => {
  const talker = talk(t, 'pipe', 3000, 'stay');
  await waitFor(talker.ready, 30_000);
  talker.read(1000);
  talker.close();
  const beats = talker.beats();
  await waitFor(() => talker.beats() > beats + 50, 30_000);
  talker.open();
  await readUntil(talker, () => talker.text().includes('"number":2999'));
  t.same(numbersOf(talker), upTo(3000));
  talker.child.kill('SIGTERM');
  t.equal(await readToEnd(talker), 0);
});
