import type { z } from 'zod';
import { keys } from './keys.ts';

/** Checks a parsed TOML document and applies the defaults. */
export const schema = keys;

/** A checked configuration: durations in milliseconds, sizes in octets, modes as numbers. */
export type Config = z.output<typeof schema>;
export type SiteConfig = Config['sites'][string];
