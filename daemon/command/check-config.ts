import { readConfig } from '../config/config.ts';
import { databaseOf } from '../store/databases.ts';

/**
 * `djauthd check-config`: whether the configuration can be used. Opens no socket and no database; warns of a file that
 * cannot be read.
 */
export function checkConfig(file: string): void {
  const { sites } = readConfig(file);
  const names = Object.keys(sites);
  for (const [name, { database }] of Object.entries(sites)) {
    const warning = databaseOf(database)?.warning?.(database);
    if (warning) process.stderr.write(`${file}: warning: site "${name}": ${warning}\n`);
  }
  process.stdout.write(
    `${file}: OK, ${names.length === 1 ? '1 site' : `${names.length} sites`}: ${names.join(', ')}\n`,
  );
}
