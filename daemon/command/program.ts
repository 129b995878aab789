import { Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../config/config-error.ts';
import { DURATION_FORM, parseDuration } from '../config/units.ts';
import { messageOf } from '../fault.ts';
import { ImportError } from '../import/import-error.ts';
import { ACCEPTABLE, type Acceptable } from '../import/note.ts';
import { VERSION } from '../version.ts';
import { ControlError } from './control/client.ts';
import type { ControlFlags, FlushFlags } from './control/commands.ts';
import type { ExplainFlags } from './control/explain.ts';
import { EXIT_CODES } from './exit-code.ts';

const DEFAULT_CONFIG = '/etc/djauthd/djauthd.toml';

/** What the commands that run the site's Python have in common. */
interface PythonFlags {
  readonly python?: string;
  readonly path?: string;
  readonly database?: string;
  readonly timeout: number;
  readonly accept: readonly Acceptable[];
}

interface ImportFlags {
  readonly settings?: string;
  readonly site?: string;
  readonly write?: string;
  readonly export?: true;
  readonly install?: true;
}

/**
 * The table of commands: their help and djauthd(8) are made from it (`npm run docs`). Each command loads only the
 * modules that it needs, because the time until `serve` is ready counts.
 */
export function createProgram(): Command {
  const program = new Command('djauthd')
    .description('Answers credential checks on a Unix socket from the accounts of Django sites.')
    .version(VERSION);

  /** `summary` is the line in `djauthd --help`; `description` is what the command's own help and the manual say. */
  const command = (name: string, summary: string, description: string) =>
    program.command(name).summary(summary).description(description);

  const config = () => new Option('-c, --config <file>', 'the configuration file').default(DEFAULT_CONFIG);

  const unit = () =>
    new Option(
      '--unit <unit>',
      "the daemon's unit, by name or path (default: djauthd.service, if it serves the configuration)",
    );

  const withPython = (command: Command) =>
    command
      .option('--python <program>', "the site's Python (default: the one in $VIRTUAL_ENV, else python3)")
      .option('--database <alias>', 'alias of its database (default: the one to which Django writes accounts)')
      .option('--path <directory>', "the site's project directory (default: the current directory)")
      .addOption(
        new Option('--timeout <time>', 'time limit of loading the settings')
          .default(60_000, '60s')
          .argParser(durationOf),
      )
      .addOption(
        new Option('--accept <deviation...>', 'accept that Django may deny users whom djauthd grants, for this reason')
          .choices(ACCEPTABLE)
          .default([], 'none'),
      );

  withPython(
    command(
      'serve',
      'answer checks until SIGTERM; SIGHUP reloads the configuration',
      'Answers checks until SIGTERM. SIGHUP reloads the configuration. With --django, imports a site and serves it ' +
        'without a configuration file, to try djauthd out.',
    ),
  )
    .addOption(config())
    .addOption(new Option('--django <settings>', 'import this DJANGO_SETTINGS_MODULE and serve it').conflicts('config'))
    .option('--socket <path>', 'with --django: the socket (default: one in a private directory)')
    .action(async (flags: PythonFlags & { config: string; django?: string; socket?: string }) => {
      const { serve, serveDjango } = await import('./serve.ts');
      if (flags.django === undefined) await serve(flags.config);
      else await serveDjango({ ...flags, settings: flags.django, timeoutMs: flags.timeout });
    });

  command(
    'check-config',
    'check the configuration file',
    'Checks the configuration file and prints one line per mistake. Then opens the files that it names, run by root as the ' +
      "user of the daemon's unit, and warns of those that cannot be used: databases of SQLite, passwords, certificates, the " +
      'directories of the sockets. No database is asked.',
  )
    .addOption(config())
    .addOption(unit())
    .action(async (flags: { config: string; unit?: string }) =>
      (await import('./check-config.ts')).checkConfig(flags.config, flags),
    );

  command(
    'doctor',
    'check sites, databases and permissions of files',
    'Reports for each site whether its database can be reached, which tables, columns and grants are missing, which ' +
      'hashes cannot be verified and what a check costs, and which files others on this machine could read or write. ' +
      "Run as root it looks as the user of the daemon's unit. " +
      'Exits 1 if there is a problem.',
  )
    .addOption(config())
    .option('--json', 'print JSON', false)
    .addOption(unit())
    .action(async (flags: { config: string; json: boolean; unit?: string }) =>
      (await import('./doctor.ts')).doctor(flags.config, flags),
    );

  command(
    'audit',
    'list active accounts that can never be granted, and why',
    'Prints each active account that no password lets in, or none that a client can send: no usable password, an ' +
      'encoded hash that the site does not accept, that is malformed or that costs more than [hash] allows, a username ' +
      'that HTTP Basic cannot carry. Inactive accounts are not listed. Exits 1 if there is one.',
  )
    .addOption(config())
    .option('--site <name>', 'audit this site only')
    .option('--json', 'print JSON', false)
    .action(async (flags: { config: string; json: boolean; site?: string }) =>
      (await import('./audit.ts')).audit(flags.config, flags),
    );

  command(
    'triggers',
    "print the SQL that makes a site's database tell of changes at COMMIT",
    'Prints SQL for the PostgreSQL database of a site that listens (sites.NAME.listen): triggers that tell the daemon ' +
      'which accounts to read again. Run it with psql as the owner of the tables; the daemon never writes. With --check ' +
      'it prints what is missing, changed or disabled and exits 1 if anything is.',
  )
    .addOption(config())
    .option('--site <name>', 'the site (default: the only one)')
    .addOption(new Option('--drop', 'print the SQL that removes the triggers').conflicts('check'))
    .option('--check', 'check the triggers that are there')
    .addOption(unit())
    .action(async (flags: { config: string; site?: string; drop?: true; check?: true; unit?: string }) =>
      (await import('./triggers.ts')).triggers(flags.config, flags),
    );

  // What is required comes first.
  withPython(
    command(
      'import',
      "write the configuration of a Django site from the site's own settings",
      "Runs the site's Python once and writes its section of the configuration: database, user model and password " +
        "hashers. Run it as the site's user, because it runs the site's code.",
    )
      .usage('--settings <module> [options]\n       djauthd import --install --site <name> [--write <file>]')
      .option('--settings <module>', 'the DJANGO_SETTINGS_MODULE of the site; required, except with --install'),
  )
    .option('--site <name>', 'name of the site in the configuration (default: the settings module)')
    .option('--write <file>', 'write the section to sites.d beside this configuration file (default: standard output)')
    .addOption(
      new Option('--export', "write the site, its database's password included, to a pipe").conflicts([
        'write',
        'install',
      ]),
    )
    .addOption(
      new Option(
        '--install',
        `with --site: read from standard input what --export wrote, and write it beside --write (default: ${DEFAULT_CONFIG})`,
      ).conflicts(['settings', 'python', 'path', 'database', 'accept']),
    )
    .action(async (flags: PythonFlags & ImportFlags, command: Command) => {
      const { importCommand, installCommand } = await import('./import.ts');
      const { settings, site, write = DEFAULT_CONFIG } = flags;
      if (flags.install) {
        if (site === undefined) command.error('error: --install needs --site, the name of the site');
        else await installCommand({ site, write });
      } else if (settings === undefined) command.error("error: required option '--settings <module>' not specified");
      else await importCommand({ ...flags, settings, timeoutMs: flags.timeout });
    });

  const toRunning = (name: string, summary: string, description: string) =>
    command(name, summary, description)
      .addOption(config())
      .option('--control <socket>', 'the control socket (default: listen.control of the configuration)');

  toRunning(
    'stats',
    'print the figures of the running daemon',
    'Prints the figures of the running daemon: checks, caches, hash pool, databases.',
  )
    .addOption(new Option('--json', 'print all figures as JSON').conflicts(['watch', 'prometheus']))
    .addOption(new Option('--prometheus', 'print the metrics in the Prometheus text format').conflicts('watch'))
    .option('--watch', 'redraw the terminal every second until q or Ctrl-C')
    .action(async (flags: ControlFlags & { json?: true; watch?: true; prometheus?: true }) =>
      (await import('./control/commands.ts')).stats(flags),
    );

  toRunning(
    'flush',
    'remove accounts and proofs from the caches of the running daemon',
    'Removes accounts and proofs from the caches of the running daemon. With --site or --user it removes accounts ' +
      'only: a proof counts only together with the encoded hash, which is then read again. With --throttle it forgives ' +
      'wrong passwords, so that a throttled user or source is admitted again.',
  )
    .option('--site <name>', 'only accounts of this site')
    .option('--user <name>', 'only this account')
    .option('--throttle', 'forgive wrong passwords instead: all, or those of --site, --user or --address')
    .option('--address <address>', 'with --throttle: those of this source')
    .action(async (flags: ControlFlags & FlushFlags) => (await import('./control/commands.ts')).flush(flags));

  const several = (value: string, before: readonly string[] = []) => [...before, value];
  toRunning(
    'explain',
    'say why a user is granted or denied',
    'Asks the running daemon why a user is granted or denied: the account, its encoded hash, each requirement with the ' +
      'value that decides and where it comes from, caches, throttle, and what Apache would answer. Without ' +
      '--password-stdin it says what is decided given the right password. With it the password is compared as any other, ' +
      'but is not counted as a guess: whoever may open the control socket may also forgive guesses. Exits 0 if granted, 1 if denied, ' +
      '2 if neither: busy, throttled or a fault.',
  )
    .argument('<user>', 'the name as the user would type it')
    .option('--site <name>', 'the site; required if there are several')
    .option('--staff', 'as DjangoRequireStaffStatus On')
    .option('--superuser', 'as DjangoRequireSuperuserStatus On')
    .option('--permission <permission>', 'as DjangoPermissionName; if repeated, one of them', several)
    .option('--group <group>', 'be in this group; if repeated, in one of them', several)
    .option(
      '--require <expression>',
      "what Require lines say, such as 'all(any(django-group Editors), not django-staff)'",
    )
    .option('--address <address>', "the user's address, whose guesses count as well")
    .option('--password-stdin', 'compare the password on standard input')
    .option('--json', 'print JSON')
    .action(async (user: string, flags: ControlFlags & ExplainFlags) =>
      (await import('./control/explain.ts')).explain(user, flags),
    );

  toRunning(
    'reload',
    'make the running daemon reload its configuration',
    'Makes the running daemon reload its configuration. If it cannot be used, the daemon keeps the current one and ' +
      'the command prints why and exits 1.',
  ).action(async (flags: ControlFlags) => (await import('./control/commands.ts')).reload(flags));

  return program;
}

/** Runs the command that `argv` names. */
export async function run(argv: readonly string[]): Promise<void> {
  const program = createProgram();
  for (const command of [program, ...program.commands]) {
    command.exitOverride((error) =>
      process.exit(error.exitCode === 0 ? EXIT_CODES.done.code : EXIT_CODES.misused.code),
    );
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof ImportError || error instanceof ControlError) {
      process.stderr.write(`${error instanceof ControlError ? 'djauthd: ' : ''}${error.message}\n`);
      process.exit(EXIT_CODES.failed.code);
    }
    const isConfig = error instanceof ConfigError;
    process.stderr.write(`${isConfig ? error.message : `djauthd: ${messageOf(error)}`}\n`);
    process.exit(isConfig ? EXIT_CODES.misused.code : EXIT_CODES.failed.code);
  }
}

function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError(`Accepted: ${DURATION_FORM}.`);
  return ms;
}
