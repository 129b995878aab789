import { readFileSync } from 'node:fs';
import { ConfigError, parseConfig } from '../../config/config.ts';
import { messageOf } from '../../fault.ts';

/** Where the control socket is, as given or by the configuration; whose password files are not read. @throws ConfigError */
export function controlSocket({ config, control }: { config: string; control?: string }): string {
  if (control !== undefined) return control;
  let source: string;
  try {
    source = readFileSync(config, 'utf8');
  } catch (error) {
    throw new ConfigError(`${config}: cannot be read: ${messageOf(error)}; --control names the control socket itself`);
  }
  const path = parseConfig(source, config).listen.control;
  if (path !== undefined) return path;
  throw new ConfigError(`${config}: listen.control: is missing; needed: where djauthd takes orders, an absolute path`);
}
