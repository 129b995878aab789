import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { excessMode } from '../config/password-file.ts';
import { messageOf } from '../fault.ts';
import { ImportError } from './import-error.ts';

/**
 * Replaces a file atomically: no reader sees half of it. Mode, owner and group are kept; a new file gets those of `fresh`.
 * A symbolic link is kept and its target replaced. A secret of root alone gets the given owner and group.
 *
 * @throws ImportError
 */
export function replaceFile(
  path: string,
  content: string,
  fresh: { mode: number; uid?: number; gid?: number; secret?: boolean },
): void {
  let temporary: string | undefined;
  try {
    const target = existsSync(path) ? realpathSync(path) : path;
    const present = existsSync(target) ? statSync(target) : undefined;
    // A secret that only root can read was not made for the daemon.
    const keeps = present && !(fresh.secret && fresh.gid !== undefined && present.uid === 0 && present.gid === 0);
    const { mode, uid, gid } = keeps ? present : fresh;
    temporary = join(dirname(target), `.djauthd-${randomBytes(8).toString('hex')}`);
    const descriptor = openSync(temporary, 'wx', 0o600);
    try {
      const { uid: ownUid, gid: ownGid } = statSync(temporary);
      if ((uid ?? ownUid) !== ownUid || (gid ?? ownGid) !== ownGid)
        fchownSync(descriptor, uid ?? ownUid, gid ?? ownGid);
      fchmodSync(descriptor, fresh.secret && excessMode({ mode, uid: uid ?? ownUid }) ? 0o600 : mode & 0o7777);
      writeFileSync(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, target);
    temporary = undefined;
    syncDirectory(dirname(target));
  } catch (error) {
    if (temporary !== undefined) rmSync(temporary, { force: true });
    throw new ImportError(`djauthd: cannot write ${path}: ${messageOf(error)}`);
  }
}

/** Without it a power failure may lose the new directory entry. */
function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
