import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The directory of the bundle; not defined if the sources run unbundled. */
declare const BUNDLE_DIRECTORY: string | undefined;

/** The directory of the build: the bundle, the hash workers' bundle and the addons. */
export const buildDirectory =
  typeof BUNDLE_DIRECTORY === 'string' ? BUNDLE_DIRECTORY : join(import.meta.dirname, '../../build');

const requireHere = createRequire(join(buildDirectory, 'djauthd'));

/**
 * Loads a package of native code, which the bundle does not contain, when it is first needed.
 *
 * @throws Error if it is not installed
 */
export function loadPackage<Exports>(name: string): Exports {
  return requireHere(name) as Exports;
}
