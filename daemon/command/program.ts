import { Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../config/config.ts';
import { DURATION_FORM, parseDuration } from '../config/units.ts';
import { messageOf } from '../fault.ts';
import { ImportError } from '../import/import-error.ts';
import { ACCEPTABLE, type Acceptable } from '../import/note.ts';
import { VERSION } from '../version.ts';
import { ControlError } from './control/client.ts';
import type { ControlFlags } from './control/commands.ts';

const DEFAULT_CONFIG = '/etc/djauthd/djauthd.toml';

/** Exit codes: 0 done, 1 an error of ours, 2 the command line or the configuration is wrong. */
const EXIT_WRONG = 2;

/** What the commands that run the site's Python have in common. */
interface PythonFlags {
  readonly python?: string;
  readonly path?: string;
  readonly timeout: number;
  readonly accept: readonly Acceptable[];
}

/** Runs the command that `argv` names. Only what that one needs is loaded, for the time until it is ready counts. */
export async function run(argv: readonly string[]): Promise<void> {
  const program = new Command('djauthd')
    .description('Lets people in with their Django accounts: answers credential checks on a Unix socket.')
    .version(VERSION)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_WRONG));

  const command = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_WRONG));

  const config = () => new Option('-c, --config <file>', 'the configuration').default(DEFAULT_CONFIG);

  const withPython = (command: Command) =>
    command
      .option('--python <program>', "the site's Python (default: that of $VIRTUAL_ENV, else python3)")
      .option('--path <directory>', 'where its modules are (default: the current directory)')
      .addOption(
        new Option('--timeout <time>', 'how long they may take to load').default(60_000, '60s').argParser(durationOf),
      )
      .addOption(
        new Option('--accept <difference...>', 'take it that Django, for this reason, may let in fewer people')
          .choices(ACCEPTABLE)
          .default([]),
      );

  withPython(command('serve', 'answer until SIGTERM; SIGHUP reads the configuration anew'))
    .addOption(config())
    .addOption(
      new Option('--django <settings>', 'serve this Django site, imported on the spot, for trying out').conflicts(
        'config',
      ),
    )
    .option('--socket <path>', 'with --django: where to answer (default: in a private directory)')
    .action(async (flags: PythonFlags & { config: string; django?: string; socket?: string }) => {
      const { serve, serveDjango } = await import('./serve.ts');
      if (flags.django === undefined) await serve(flags.config);
      else await serveDjango({ ...flags, settings: flags.django, timeoutMs: flags.timeout });
    });

  command('check-config', 'say whether the configuration could be used')
    .addOption(config())
    .action(async ({ config }: { config: string }) => (await import('./check-config.ts')).checkConfig(config));

  command('doctor', 'say whether the sites can be served, what checks will cost, and what is amiss')
    .addOption(config())
    .option('--json', 'for programs', false)
    .action(async (flags: { config: string; json: boolean }) =>
      (await import('./doctor.ts')).doctor(flags.config, flags),
    );

  withPython(command('import', "write a Django site's configuration, asked once from its own Python"))
    .requiredOption('--settings <module>', 'its DJANGO_SETTINGS_MODULE')
    .option('--site <name>', 'what it is called in the configuration (default: the settings module)')
    .option('--write <file>', 'put it into this configuration (default: print it)')
    .action(async (flags: PythonFlags & { settings: string; site?: string; write?: string }) =>
      (await import('./import.ts')).importCommand({ ...flags, timeoutMs: flags.timeout }),
    );

  const toRunning = (name: string, description: string) =>
    command(name, description)
      .addOption(config())
      .option('--control <socket>', 'the control socket (default: listen.control of the configuration)');

  toRunning('stats', 'print the figures of the running daemon')
    .addOption(new Option('--json', 'print all figures as JSON').conflicts(['watch', 'prometheus']))
    .addOption(new Option('--prometheus', 'print the metrics in the Prometheus text format').conflicts('watch'))
    .option('--watch', 'redraw the terminal every second until q or Ctrl-C')
    .action(async (flags: ControlFlags & { json?: true; watch?: true; prometheus?: true }) =>
      (await import('./control/commands.ts')).stats(flags),
    );

  toRunning('flush', 'remove accounts and proofs from the caches of the running daemon')
    .option('--site <name>', 'only accounts of this site')
    .option('--user <name>', 'only this account')
    .action(async (flags: ControlFlags & { site?: string; user?: string }) =>
      (await import('./control/commands.ts')).flush(flags),
    );

  toRunning('reload', 'make the running daemon read its configuration again').action(async (flags: ControlFlags) =>
    (await import('./control/commands.ts')).reload(flags),
  );

  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof ImportError || error instanceof ControlError) {
      process.stderr.write(`${error instanceof ControlError ? 'djauthd: ' : ''}${error.message}\n`);
      process.exit(1);
    }
    const known = error instanceof ConfigError;
    process.stderr.write(`${known ? error.message : `djauthd: ${messageOf(error)}`}\n`);
    process.exit(known ? EXIT_WRONG : 1);
  }
}

function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError(`Accepted is ${DURATION_FORM}.`);
  return ms;
}
