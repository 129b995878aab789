import { type BigIntStats, statSync } from 'node:fs';

/**
 * How long after a change a file system may still give another change the same time, in ms: a tick of the kernel's
 * clock, or as long as a second where times have no fractions.
 */
const TICK_MS = 50;
const COARSE_TICK_MS = 2_000;

const NS_PER_S = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;

/** What shows that a database was replaced or written: of its file, and in WAL mode of the files beside it. */
export interface FileState {
  readonly file: BigIntStats;
  readonly wal: BigIntStats | undefined;
  readonly shm: BigIntStats | undefined;
}

/** The state of a database; undefined if there is no such file. @throws Error of the system, such as EACCES */
export function fileState(path: string, inWalMode: boolean): FileState | undefined {
  const file = stat(path);
  if (file === undefined) return undefined;
  if (!inWalMode) return { file, wal: undefined, shm: undefined };
  return { file, wal: stat(`${path}-wal`), shm: stat(`${path}-shm`) };
}

/** Whether neither file was replaced or written in between. The shared memory is written all the time. */
export function isUnchanged(before: FileState, after: FileState): boolean {
  return isUnwritten(before.file, after.file) && isUnwritten(before.wal, after.wal) && isSame(before.shm, after.shm);
}

/** Whether another file has taken the path of one of them. */
export function isReplaced(before: FileState, after: FileState): boolean {
  return !isSame(before.file, after.file) || !isSame(before.wal, after.wal) || !isSame(before.shm, after.shm);
}

/**
 * Whether what is in the files is the same, whatever else was changed of them. SQLite gives the file of the log in WAL mode
 * the owner of the database each time that root opens it, which the file system notes as a change.
 */
export function isSameContent(before: FileState, after: FileState): boolean {
  const same = (a: BigIntStats | undefined, b: BigIntStats | undefined) =>
    isSame(a, b) && a?.size === b?.size && a?.mtimeNs === b?.mtimeNs;
  return same(before.file, after.file) && same(before.wal, after.wal);
}

/** How long a further change may go unnoticed, in ms from now, because it may have the same time as the last one. */
export function unsettledMs({ file, wal }: FileState): number {
  return Math.max(unsettled(file), wal === undefined ? 0 : unsettled(wal));
}

function unsettled({ ctimeNs }: BigIntStats): number {
  const tick = ctimeNs % NS_PER_S === 0n ? COARSE_TICK_MS : TICK_MS;
  const age = Date.now() - Number(ctimeNs / NS_PER_MS);
  return age < tick ? tick : 0;
}

function stat(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}

function isSame(a: BigIntStats | undefined, b: BigIntStats | undefined): boolean {
  return a?.ino === b?.ino && a?.dev === b?.dev;
}

/** By the time of the last change (ctime) too: it cannot be set, as `cp -p` sets that of the last modification. */
function isUnwritten(a: BigIntStats | undefined, b: BigIntStats | undefined): boolean {
  return isSame(a, b) && a?.size === b?.size && a?.mtimeNs === b?.mtimeNs && a?.ctimeNs === b?.ctimeNs;
}
