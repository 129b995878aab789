import type { z } from 'zod';
import { converted } from './key.ts';
import { keys } from './keys.ts';

/** Checks a parsed TOML document and applies the defaults. */
export const schema = converted(keys, ({ sites, throttle, ...config }) => ({
  ...config,
  // The content of key_file, once it is read.
  throttle: { ...throttle, key: undefined as string | undefined },
  sites: Object.fromEntries(Object.entries(sites).map(([name, site]) => [name, withMatch(site)])),
}));

/** Stores find all that they need to know of a user model in its schema. */
function withMatch({ username_match, ...site }: z.output<typeof keys>['sites'][string]) {
  return { ...site, schema: { ...site.schema, user: { ...site.schema.user, match: username_match } } };
}

/** A checked configuration: durations in milliseconds, sizes in octets, modes as numbers. */
export type Config = z.output<typeof schema>;
export type SiteConfig = Config['sites'][string];
