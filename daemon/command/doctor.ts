import { readConfig } from '../config/config.ts';
import { examine, writeReport } from '../doctor/report.ts';

/**
 * `djauthd doctor`: says whether the sites of a configuration can be served, and what is amiss, on standard output.
 * Exits 0, with warnings or without, and 1 where there is a problem; 2 where the configuration cannot be used.
 */
export async function doctor(file: string, options: { json: boolean }): Promise<void> {
  const report = await examine(file, readConfig(file));
  process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : writeReport(report));
  process.exitCode = report.problems > 0 ? 1 : 0;
}
