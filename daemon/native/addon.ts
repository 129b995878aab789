import { join } from 'node:path';
import { buildDirectory } from './bundle.ts';

/**
 * Loads an addon of `daemon/native/`, which lies beside the bundle.
 *
 * @throws Error where there is none or it cannot be loaded
 */
export function loadAddon<Exports extends object>(name: string): Exports {
  const loaded = { exports: {} as Exports };
  process.dlopen(loaded, join(buildDirectory, `${name}.node`));
  return loaded.exports;
}
