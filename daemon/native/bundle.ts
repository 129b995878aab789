import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The directory of the bundle; not there where the sources run as they are. */
declare const BUNDLE_DIRECTORY: string | undefined;

/** Where the build lies: the bundle itself, the hash workers' and the addons. */
export const buildDirectory =
  typeof BUNDLE_DIRECTORY === 'string' ? BUNDLE_DIRECTORY : join(import.meta.dirname, '../../build');

const requireHere = createRequire(join(buildDirectory, 'djauthd'));

/**
 * Loads a package of native code, which is not in the bundle, when it is first needed.
 *
 * @throws Error where it is not installed
 */
export function loadPackage<Exports>(name: string): Exports {
  return requireHere(name) as Exports;
}
