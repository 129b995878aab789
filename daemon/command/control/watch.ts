import { messageOf } from '../../fault.ts';
import type { Report } from '../../metrics/report.ts';
import { screen } from './screen.ts';

/** How often a report is requested, in ms. */
const INTERVAL_MS = 1_000;

/** The number of reports over which latencies and the hit ratio are taken. */
const SPAN = 10;

/** The alternate screen, without a cursor, so that the terminal is restored at the end; BEGIN and END make updates atomic. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const BEGIN = '\u001b[?2026h\u001b[H';
const END = '\u001b[J\u001b[?2026l';

/** In raw mode, Ctrl-C and Ctrl-D arrive as characters. */
const QUIT = ['q', 'Q', '\u0003', '\u0004'];

/**
 * Draws a report on the terminal every second until q or Ctrl-C. When the daemon cannot be reached, says so and tries
 * again. Rejects if the first report cannot be obtained.
 */
export async function watch(fetch: () => Promise<Report>, colour: boolean): Promise<void> {
  const { stdin, stdout } = process;
  const reports: Report[] = [await fetch()];
  let problem = '';
  let pending = false;

  const draw = () => {
    const columns = stdout.columns || 80;
    const rows = (stdout.rows || 24) - 2;
    const lines = screen(reports.at(-1) as Report, { columns, rows, colour }, reports[0]);
    lines.push('', (problem || 'q: quit').slice(0, columns));
    // Each line erases the rest of its row and the screen is never cleared, so it does not flicker.
    stdout.write(`${BEGIN}${lines.map((line) => `${line}\u001b[K`).join('\r\n')}${END}`);
  };

  const tick = async () => {
    if (pending) return;
    pending = true;
    try {
      const report = await fetch();
      if (report.uptime_seconds < (reports.at(-1)?.uptime_seconds ?? 0)) reports.length = 0; // it was restarted
      reports.push(report);
      if (reports.length > SPAN) reports.shift();
      problem = '';
    } catch (error) {
      problem = messageOf(error);
    }
    pending = false;
    draw();
  };

  await new Promise<void>((resolve) => {
    const timer = setInterval(tick, INTERVAL_MS);
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    const end = () => {
      clearInterval(timer);
      stdout.off('resize', draw);
      for (const signal of signals) process.off(signal, end);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
      stdout.write(LEAVE);
      resolve();
    };
    for (const signal of signals) process.on(signal, end);
    stdout.on('resize', draw);
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.on('data', (typed) => QUIT.some((key) => String(typed).includes(key)) && end());
    stdin.on('error', end); // the terminal was closed
    stdout.write(ENTER);
    draw();
  });
}
