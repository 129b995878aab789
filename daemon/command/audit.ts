import { readConfig } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { type Barred, barredOf } from '../doctor/audit.ts';
import { messageOf } from '../fault.ts';
import { hashPolicyOf } from '../site/hash-policy.ts';
import { didYouMean } from '../text/suggest.ts';

/**
 * `djauthd audit`: prints each active account that can never be granted, and why. A list of any length is printed while
 * it is read.
 *
 * Exits 0 if there is none, 1 if there is one or a database cannot be read, 2 if the configuration is invalid.
 */
export async function audit(file: string, options: { json: boolean; site?: string }): Promise<void> {
  const config = readConfig(file);
  const names = Object.keys(config.sites);
  const { site: only } = options;
  if (only !== undefined && !names.includes(only)) {
    throw new ConfigError(`${file}: no site "${only}"${didYouMean(only, names)}; configured: ${names.join(', ')}`);
  }
  let found = 0;
  const print = (barred: Barred) => {
    found++;
    if (!options.json) process.stdout.write(`${barred.site}  ${lineOf(barred)}\n`);
    else process.stdout.write(`${found === 1 ? '[\n' : ',\n'}${JSON.stringify(barred)}`);
  };
  for (const [name, site] of Object.entries(config.sites)) {
    if (only !== undefined && name !== only) continue;
    try {
      for await (const barred of barredOf(name, site, hashPolicyOf(site, config.hash))) print(barred);
    } catch (error) {
      process.stderr.write(`djauthd: site "${name}": the accounts cannot be read: ${messageOf(error)}\n`);
      process.exitCode = 1;
    }
  }
  if (options.json) process.stdout.write(found === 0 ? '[]\n' : '\n]\n');
  if (found > 0) process.exitCode = 1;
}

/** Quoted as JSON, so that no username can look like another line. */
function lineOf({ username, reasons }: Barred): string {
  return `${JSON.stringify(username)} has ${reasons.join(', ')}`;
}
