import { readFileSync } from 'node:fs';

/** Descriptors that the daemon itself needs: sockets, logs, threads, databases. */
const RESERVE = 64;

/** A sentence if the limit of open files (RLIMIT_NOFILE) leaves too few descriptors for so many connections. */
export function openFilesProblem(maxConnections: number, limits = readLimits()): string | undefined {
  const limit = Number(/^Max open files +(\d+)/m.exec(limits)?.[1]);
  if (!(limit < maxConnections + RESERVE)) return undefined;
  return (
    `the limit of open files (${limit}) is too low for listen.max_connections (${maxConnections}): connections above it ` +
    `are closed without a log line; set LimitNOFILE=${maxConnections + RESERVE} or more`
  );
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}
