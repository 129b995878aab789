import type { Report } from '../../metrics/report.ts';
import { askControl, ControlError } from './client.ts';
import { screen } from './screen.ts';
import { controlSocket } from './socket-path.ts';
import { watch } from './watch.ts';

/** Which daemon to ask. */
export interface ControlFlags {
  readonly config: string;
  readonly control?: string;
}

/** `djauthd stats`: the figures of the daemon, for reading, as JSON or for Prometheus. */
export async function stats(flags: ControlFlags & { json?: true; watch?: true; prometheus?: true }): Promise<void> {
  const path = controlSocket(flags);
  const fetch = async (format: string) => String((await askControl(path, 'status', { format })).get('body'));
  const report = async (): Promise<Report> => JSON.parse(await fetch('json'));
  const { stdout } = process;
  const colour = stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
  if (flags.watch) {
    if (!stdout.isTTY) throw new ControlError('stats --watch: standard output is not a terminal');
    await watch(report, colour);
  } else if (flags.json || flags.prometheus) {
    stdout.write(await fetch(flags.json ? 'json' : 'prometheus'));
  } else {
    const columns = stdout.isTTY ? stdout.columns || 80 : 1_000;
    stdout.write(`${screen(await report(), { columns, rows: 1_000, colour }).join('\n')}\n`);
  }
}

/** What `djauthd flush` is to forget; all if nothing is named. */
export interface FlushFlags {
  readonly site?: string;
  readonly user?: string;
  readonly throttle?: true;
  readonly address?: string;
}

/** `djauthd flush`: empties the daemon's caches, or forgives debts of the throttle. */
export async function flush(flags: ControlFlags & FlushFlags): Promise<void> {
  const { site, user, throttle, address } = flags;
  const content = await askControl(controlSocket(flags), 'flush', {
    ...(site === undefined ? {} : { site }),
    ...(user === undefined ? {} : { username: Buffer.from(user) }),
    ...(throttle === undefined ? {} : { throttle }),
    ...(address === undefined ? {} : { address }),
  });
  const flushed = content.get('flushed');
  process.stdout.write(`${flushed} ${flushed === 1 ? 'entry' : 'entries'} ${throttle ? 'forgiven' : 'removed'}\n`);
}

/** `djauthd reload`: makes the daemon read its configuration again, and reports why if that fails. */
export async function reload(flags: ControlFlags): Promise<void> {
  try {
    await askControl(controlSocket(flags), 'reload');
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    throw new ControlError(`reload failed: ${error.message}`);
  }
  process.stdout.write('configuration reloaded\n');
}
