import { readConfig } from '../config/config.ts';
import { examine, writeReport } from '../doctor/report.ts';

/**
 * `djauthd doctor`: reports on standard output whether the sites of a configuration can be served, with all findings.
 * Exits 0 without problems, even with warnings, 1 with a problem, 2 if the configuration is invalid.
 */
export async function doctor(file: string, options: { json: boolean }): Promise<void> {
  const report = await examine(file, readConfig(file));
  process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : writeReport(report));
  process.exitCode = report.problems > 0 ? 1 : 0;
}
