import manifest from '../package.json' with { type: 'json' };

/** The version of the whole: daemon, module, library and command are released together. */
export const VERSION: string = manifest.version;
