import { join } from 'node:path';
import { buildDirectory } from './bundle.ts';

/**
 * Loads an addon of `daemon/native/`, which the build puts beside the bundle.
 *
 * @throws Error if it was not built or cannot be loaded
 */
export function loadAddon<Exports extends object>(name: string): Exports {
  const loaded = { exports: {} as Exports };
  process.dlopen(loaded, join(buildDirectory, `${name}.node`));
  return loaded.exports;
}
