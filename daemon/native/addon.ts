import { join } from 'node:path';

/** The directory of the bundle; not there where the sources run as they are. */
declare const BUNDLE_DIRECTORY: string | undefined;

/**
 * Loads an addon of `daemon/native/`, which lies beside the bundle.
 *
 * @throws Error where there is none or it cannot be loaded
 */
export function loadAddon<Exports extends object>(name: string): Exports {
  const directory = typeof BUNDLE_DIRECTORY === 'string' ? BUNDLE_DIRECTORY : join(import.meta.dirname, '../../build');
  const loaded = { exports: {} as Exports };
  process.dlopen(loaded, join(directory, `${name}.node`));
  return loaded.exports;
}
