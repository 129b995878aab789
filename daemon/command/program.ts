import { Command } from 'commander';
import { ConfigError } from '../config/config.ts';
import { messageOf } from '../fault.ts';
import { VERSION } from '../version.ts';
import { checkConfig } from './check-config.ts';
import { serve } from './serve.ts';

const DEFAULT_CONFIG = '/etc/djauthd/djauthd.toml';

/** Exit codes: 0 done, 1 an error of ours, 2 the command line or the configuration is wrong. */
const EXIT_WRONG = 2;

/** Runs the command that `argv` names. `path` is this program's own file, which hash workers are started from. */
export async function run(argv: readonly string[], path: string): Promise<void> {
  const program = new Command('djauthd')
    .description('Lets people in with their Django accounts: answers credential checks on a Unix socket.')
    .version(VERSION)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_WRONG));

  const command = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG)
      .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_WRONG));

  command('serve', 'answer until SIGTERM; SIGHUP reads the configuration anew').action(
    ({ config }: { config: string }) => serve(config, path),
  );
  command('check-config', 'say whether the configuration could be used').action(({ config }: { config: string }) =>
    checkConfig(config),
  );

  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    const known = error instanceof ConfigError;
    process.stderr.write(`${known ? error.message : `djauthd: ${messageOf(error)}`}\n`);
    process.exit(known ? EXIT_WRONG : 1);
  }
}
