import { readConfig } from '../config/config.ts';

/** `djauthd check-config`: checks whether the configuration is valid, without touching sockets or databases. */
export function checkConfig(file: string): void {
  const { sites } = readConfig(file);
  const names = Object.keys(sites);
  process.stdout.write(
    `${file}: good, ${names.length === 1 ? 'one site' : `${names.length} sites`}: ${names.join(', ')}\n`,
  );
}
