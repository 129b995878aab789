import { readConfig } from '../config/config.ts';

/** `djauthd check-config`: whether the configuration can be used. Touches no socket and no database. */
export function checkConfig(file: string): void {
  const names = Object.keys(readConfig(file).sites);
  process.stdout.write(
    `${file}: OK, ${names.length === 1 ? '1 site' : `${names.length} sites`}: ${names.join(', ')}\n`,
  );
}
