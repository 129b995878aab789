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
 * Puts a file in the place of the one that is there, at once: nobody sees half of it. Mode, owner and group stay; a new
 * file has the given ones. A symbolic link stays and what it leads to is replaced.
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
    const { mode, uid, gid } = existsSync(target) ? statSync(target) : fresh;
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
    throw new ImportError(`djauthd: ${path} cannot be written: ${messageOf(error)}`);
  }
}

/** Without it the new name may be lost in a power cut. */
function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
