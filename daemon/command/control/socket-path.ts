import { readConfigWithoutPasswords } from '../../config/config.ts';
import { ConfigError } from '../../config/config-error.ts';

/**
 * The path of the control socket: `--control`, or `listen.control` of the configuration, whose password files are not read.
 *
 * @throws ConfigError
 */
export function controlSocket({ config, control }: { config: string; control?: string }): string {
  if (control !== undefined) return control;
  let path: string | undefined;
  try {
    path = readConfigWithoutPasswords(config).listen.control;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${error.message}; use --control to name the socket`);
  }
  if (path !== undefined) return path;
  throw new ConfigError(`${config}: listen.control: missing; set it to the absolute path of the control socket`);
}
