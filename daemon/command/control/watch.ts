import { messageOf } from '../../fault.ts';
import type { Report } from '../../metrics/report.ts';
import { screen } from './screen.ts';

/** How often the daemon is asked, in ms, and over how many answers latencies are taken. */
const EVERY_MS = 1_000;
const SPAN = 10;

/** A second screen, which leaves the first as it was; no cursor. What is written in between appears at once. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const BEGIN = '\u001b[?2026h\u001b[H';
const END = '\u001b[J\u001b[?2026l';

/** In raw mode Ctrl-C and Ctrl-D are characters. */
const QUIT = ['q', 'Q', '\u0003', '\u0004'];

/**
 * Draws reports on the terminal, one a second, until q or Ctrl-C. A daemon that goes away is said to have, and asked
 * again. Rejects where the first report cannot be had.
 */
export async function watch(fetch: () => Promise<Report>, colour: boolean): Promise<void> {
  const { stdin, stdout } = process;
  const reports: Report[] = [await fetch()];
  let trouble = '';
  let asking = false;

  const draw = () => {
    const columns = stdout.columns || 80;
    const rows = (stdout.rows || 24) - 2;
    const lines = screen(reports.at(-1) as Report, { columns, rows, colour }, reports[0]);
    lines.push('', (trouble || 'q ends').slice(0, columns));
    // Each line wipes what is behind it, and nothing is wiped before: so nothing flickers.
    stdout.write(`${BEGIN}${lines.map((line) => `${line}\u001b[K`).join('\r\n')}${END}`);
  };

  const tick = async () => {
    if (asking) return;
    asking = true;
    try {
      const report = await fetch();
      if (report.uptime < (reports.at(-1)?.uptime ?? 0)) reports.length = 0; // another daemon by now
      reports.push(report);
      if (reports.length > SPAN) reports.shift();
      trouble = '';
    } catch (error) {
      trouble = messageOf(error);
    }
    asking = false;
    draw();
  };

  await new Promise<void>((resolve) => {
    const timer = setInterval(tick, EVERY_MS);
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
    stdin.on('error', end); // the terminal is gone
    stdout.write(ENTER);
    draw();
  });
}
