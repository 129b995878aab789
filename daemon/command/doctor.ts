import { readConfig } from '../config/config.ts';
import { examine, writeReport } from '../doctor/report.ts';
import { EXIT_CODES } from './exit-code.ts';

/**
 * `djauthd doctor`: whether the sites of a configuration can be served, and what is wrong, on standard output.
 * Exits 0 with or without warnings, 1 if there is a problem, 2 if the configuration cannot be used.
 */
export async function doctor(file: string, options: { json: boolean }): Promise<void> {
  const report = await examine(file, readConfig(file));
  process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : writeReport(report));
  process.exitCode = report.problems > 0 ? EXIT_CODES.failed.code : EXIT_CODES.done.code;
}
