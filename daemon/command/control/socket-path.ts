import { readFileSync } from 'node:fs';
import { ConfigError, parseConfig } from '../../config/config.ts';
import { messageOf } from '../../fault.ts';

/**
 * The path of the control socket: `--control`, or `listen.control` of the configuration, whose password files are not read.
 *
 * @throws ConfigError
 */
export function controlSocket({ config, control }: { config: string; control?: string }): string {
  if (control !== undefined) return control;
  let source: string;
  try {
    source = readFileSync(config, 'utf8');
  } catch (error) {
    throw new ConfigError(
      `${config}: cannot read the configuration: ${messageOf(error)}; use --control to name the socket`,
    );
  }
  const path = parseConfig(source, config).listen.control;
  if (path !== undefined) return path;
  throw new ConfigError(`${config}: listen.control: missing; set it to the absolute path of the control socket`);
}
