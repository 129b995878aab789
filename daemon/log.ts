import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { LineBatch } from './log-lines.ts';

export type Log = Logger;

/** The longest a name of a stranger's choosing may make a log line, in characters. */
const NAME_MAX = 256;

/** How much may wait for a slow reader of standard error, in octets; past it lines are dropped, not memory filled. */
const BACKLOG_MAX = 4 * 1024 * 1024;

/** Lines of JSON on standard error, for journald or whoever collects it. `flush` writes out what waits. */
export function openLog(level: string): { log: Log; flush: () => void } {
  const stream = destination({ fd: 2, sync: false, maxLength: BACKLOG_MAX });
  // A full disk where standard error ends up is no reason to give no more verdicts. What waits is written when it can
  // be; at the end it is lost, for this would try for ever.
  let failing = false;
  stream.on('error', () => {
    failing = true;
  });
  stream.on('write', () => {
    failing = false;
  });
  const flushSync = stream.flushSync.bind(stream);
  stream.flushSync = () => {
    if (!failing) flushSync();
  };
  const lines = new LineBatch(stream);
  const log = createLog(level, lines);
  let lost = 0;
  stream.on('drop', (dropped: string) => {
    lost += dropped.split('\n').length - 1;
  });
  stream.on('drain', () => {
    if (lost > 0) log.warn(`${lost} lines were lost: standard error takes them too slowly`);
    lost = 0;
  });
  return { log, flush: () => flushQuietly(lines) };
}

export function createLog(level: string, stream: DestinationStream): Log {
  return pino({ level, base: null, timestamp }, stream);
}

let stampedAt = 0;
let stamp = '';

/** The time of a line. Under load many lines are of one millisecond, and spelling a date costs more than all else. */
function timestamp(): string {
  const now = Date.now();
  if (now !== stampedAt) {
    stampedAt = now;
    stamp = `,"time":"${new Date(now).toISOString()}"`;
  }
  return stamp;
}

/** A name that somebody typed, short enough for a line. */
export function shortened(name: string): string {
  return name.length <= NAME_MAX ? name : `${name.slice(0, NAME_MAX)}…`;
}

function flushQuietly(stream: { flushSync(): void }): void {
  try {
    stream.flushSync();
  } catch {
    // standard error is gone or was never ready: there is nobody left to tell
  }
}
