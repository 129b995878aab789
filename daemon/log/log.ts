import { type DestinationStream, type Logger, pino } from 'pino';
import { LineBatch } from './batch.ts';
import { LogWriter } from './writer.ts';

export type Log = Logger;

const STANDARD_ERROR = 2;

/** Lines of JSON on standard error, for journald or another collector. Lines that wait are written at exit. */
export function openLog(level: string): Log {
  const writer = new LogWriter(STANDARD_ERROR, (lost) =>
    log.warn(`${lost} log lines lost: the reader of standard error is too slow`),
  );
  const lines = new LineBatch(writer);
  const log = createLog(level, lines);
  process.on('exit', () => {
    lines.flushSync();
    writer.end();
  });
  return log;
}

export function createLog(level: string, stream: DestinationStream): Log {
  return pino({ level, base: null, timestamp }, stream);
}

/** Writes a line that is formatted already, as pino writes its own. */
export function writeLine(log: Log, level: number, line: string): void {
  const { [pino.symbols.streamSym]: stream } = log as unknown as { readonly [pino.symbols.streamSym]: Destination };
  if (stream[pino.symbols.needsMetadataGsym] === true) stream.lastLevel = level;
  stream.write(line);
}

/** A destination that pino may have to tell the level of each line. */
interface Destination extends DestinationStream {
  readonly [pino.symbols.needsMetadataGsym]?: true;
  lastLevel?: number;
}

let stampedAt = 0;
let stamp = '';

/** The time of a line. Under load many lines share a millisecond, and formatting a date costs more than the rest. */
export function timestamp(): string {
  const now = Date.now();
  if (now !== stampedAt) {
    stampedAt = now;
    stamp = `,"time":"${new Date(now).toISOString()}"`;
  }
  return stamp;
}
