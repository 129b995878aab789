import { execFile } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { screen } from '../../daemon/command/control/screen.ts';
import { publicDirectory } from '../fixtures/apache.ts';
import { PROGRAM, startDaemon } from '../fixtures/daemon.ts';
import { reportOf, siteOf } from '../fixtures/report.ts';
import { createSite, type Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

const PEOPLE: Person[] = [
  { username: 'alice', password: 'secret' },
  { username: 'jörg', password: 'secret' },
];

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command as users do. Asynchronous, because servers in this process must keep running. */
function djauthd(args: string[], uid?: number): Promise<Ran> {
  // tap's hook in NODE_OPTIONS writes where another user has no permission.
  const other = ['--reuid', `${uid}`, '--clear-groups', 'env', '-u', 'NODE_OPTIONS', PROGRAM, ...args];
  const [program, more] = uid === undefined ? [PROGRAM, args] : ['setpriv', other];
  return promisify(execFile)(program, more, { encoding: 'utf8', timeout: 60_000 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

const world = (t: Test, config = '') => createWorld(t, PEOPLE, { config: `[cache]\naccount_ttl = "1h"\n${config}` });

t.test('stats', async (t) => {
  const { daemon, client } = await world(t);
  await client.check('alice', 'secret');
  await client.check('alice', 'secret');
  await client.check('alice', 'wrong');
  await client.authorize('jörg');
  await client.check('alice', 'secret', { site: 'other' });
  const ask = (...more: string[]) => djauthd(['stats', '--config', daemon.configFile, ...more]);

  const json = await ask('--json');
  t.equal(json.code, 0, json.stderr);
  const report = JSON.parse(json.stdout);
  t.match(report, {
    verdicts: { granted: 3, denied: 1, busy: 0, error: 1 },
    unknown_site: { error: 1 },
    durations: { cached: { count: 1 }, hashed: { count: 2 }, authorized: { count: 1 } },
    connections: { open: 1 },
    proofs: 2,
    sites: [{ name: 'site', accounts: 2, verdicts: { granted: 3 }, database: { up: true, failures: 0 } }],
    sites_omitted: 0,
  });
  t.equal(report.per_second.checks.reduce((sum: number, checks: number) => sum + checks, 0) <= 5, true);
  t.notMatch(json.stdout, /alice|jörg|secret/, 'no account name and no password');

  const metrics = await ask('--prometheus');
  t.match(metrics.stdout, /^djauthd_verdicts_total\{site="site",verdict="granted"\} 3$/m);
  t.match(metrics.stdout, /^djauthd_decision_duration_seconds_count\{source="hashed"\} 2$/m);
  t.notMatch(metrics.stdout, /alice|secret/);

  const text = await ask();
  t.match(text.stdout, /^djauthd \d.*\n\nverdicts/);
  t.match(text.stdout, /1 error {2}0 busy {2}1 denied {2}3 granted/);
  t.match(text.stdout, /^site +up /m);
  t.notOk(text.stdout.includes('\u001b'), 'no colours if standard output is not a terminal');
  t.same(await djauthd(['stats', '--control', daemon.control, '--json']).then(({ code }) => code), 0, '--control');
  t.equal((await ask('--json', '--prometheus')).code, 2, 'mutually exclusive');
  const watched = await ask('--watch');
  t.equal(watched.code, 1);
  t.match(watched.stderr, /stats --watch: standard output is not a terminal/);
});

t.test('flush', async (t) => {
  const { daemon, client, site, stats } = await world(t);
  const flush = (...more: string[]) => djauthd(['flush', '--config', daemon.configFile, ...more]);
  await client.check('jörg', 'secret');
  await client.check('alice', 'secret');
  site.setPassword('jörg', 'new');
  t.equal((await client.check('jörg', 'new')).status, 0, 'accounts are cached for an hour here, or until a commit');
  await sleep(400); // the store opens the database again a moment after a commit
  await client.check('jörg', 'new');
  await client.check('alice', 'secret');
  const queries = (await stats()).database_queries as number;
  const one = await flush('--user', 'jörg', '--site', 'site');
  t.same([one.code, one.stdout], [0, '1 entry removed\n']);
  t.equal((await client.check('jörg', 'new')).status, 0);
  // A flush opens a SQLite database again, and what another connection has seen is not compared: all accounts are read again.
  t.ok(((await stats()).database_queries as number) > queries, 'it was read again');
  t.same((await flush('--user', 'nobody')).stdout, '0 entries removed\n');
  const wrong = await flush('--site', 'elsewhere');
  t.same([wrong.code, wrong.stderr], [1, 'djauthd: site "elsewhere" is not configured\n']);
  t.equal((await flush()).code, 0);
  t.match(await stats(), { accounts: 0, proofs: 0 });

  daemon.configure(['site', 'other'].map((name) => `[sites.${name}]\ndatabase = "${site.url}"`).join('\n'));
  t.equal((await djauthd(['reload', '--config', daemon.configFile])).code, 0);
  t.match((await flush('--user', 'alice')).stderr, /2 sites are configured: a username needs a site/);
});

t.test('reload', async (t) => {
  const { daemon, client, site, stats } = await world(t);
  const reload = () => djauthd(['reload', '--control', daemon.control]);
  daemon.configure(`[sites.new]\ndatabase = "${site.url}"`);
  t.same(await reload(), { code: 0, stdout: 'configuration reloaded\n', stderr: '' });
  t.equal((await client.check('alice', 'secret', { site: 'new' })).status, 0);
  daemon.configure('[sites.new]\ndatabase = "oracle://x"');
  const failed = await reload();
  t.equal(failed.code, 1);
  t.match(
    failed.stderr,
    /^djauthd: reload failed: .*djauthd\.toml: sites\.new\.database: invalid value .*; accepted: /,
  );
  t.equal((await client.check('alice', 'secret', { site: 'new' })).status, 0, 'the current configuration is kept');
  t.match(await stats(), { reloads_succeeded: 1, reloads_failed: 1 });
});

t.test('a control socket that cannot be used', async (t) => {
  const { daemon, directory, site } = await world(t);
  const fails = async (flags: string[], code: number, sentence: RegExp, uid?: number) => {
    const ran = await djauthd(['stats', ...flags], uid);
    t.equal(ran.code, code, `${flags}: ${ran.stderr}`);
    t.match(ran.stderr, sentence);
    t.equal(ran.stderr.trim().split('\n').length, 1, `one line: ${ran.stderr}`);
    t.equal(ran.stdout, '');
  };
  await fails(
    ['--control', '/nowhere/c.sock'],
    1,
    /no such control socket: \/nowhere\/c\.sock: djauthd is not running/,
  );
  const strange = join(directory, 'strange.sock');
  const other = net
    .createServer((socket) => socket.once('data', () => socket.end('HTTP/1.0 400 Bad Request\r\n\r\n')))
    .listen(strange);
  await fails(['--control', strange], 1, /invalid reply from .*strange\.sock, which is not djauthd's control socket/);
  other.close();
  const closed = join(directory, 'closed.sock');
  const closing = net.createServer((socket) => socket.destroy()).listen(closed);
  await fails(['--control', closed], 1, /closed the connection without a reply/);
  closing.close();
  const plain = join(directory, 'plain');
  writeFileSync(plain, '');
  await fails(['--control', plain], 1, /connection refused: .*plain: djauthd is not running/);
  chmodSync(directory, 0o755);
  if (process.getuid?.() === 0)
    await fails(
      ['--control', daemon.control],
      1,
      /permission denied: .*only root and the user that djauthd runs as/,
      65534,
    );

  await fails(
    ['--config', '/nowhere.toml'],
    2,
    /\/nowhere\.toml: cannot be read: .*; use --control to name the socket/,
  );
  const without = join(directory, 'without.toml');
  writeFileSync(without, `[listen]\nsocket = "${daemon.socket}"\n[sites.site]\ndatabase = "${site.url}"\n`);
  await fails(['--config', without], 2, /without\.toml: listen\.control: missing; /);
  t.equal((await djauthd(['stats', '--nonsense'])).code, 2);
  const auth = await djauthd(['reload', '--control', daemon.socket]);
  t.equal(auth.code, 1);
  t.match(auth.stderr, /rejected the request: .*belongs to the control socket/, 'the auth socket does not reload');
  t.equal((await djauthd(['stats', '--control', daemon.socket])).code, 0, 'but answers status requests');
});

/** Runs the command on a terminal, with a script for test/fixtures/terminal.py. */
async function onTerminal(
  size: string,
  args: string[],
  script: string[],
): Promise<{ parts: string[]; status: number }> {
  const terminal = join(import.meta.dirname, '../fixtures/terminal.py');
  const ran = promisify(execFile)('/usr/bin/python3', [terminal, size, PROGRAM, ...args], { encoding: 'utf8' });
  ran.child.stdin?.end(`${script.join('\n')}\n`);
  return JSON.parse((await ran).stdout);
}

t.test('stats --watch', async (t) => {
  const { daemon, client } = await world(t);
  await client.check('alice', 'secret');
  const args = ['stats', '--watch', '--config', daemon.configFile];
  const { parts, status } = await onTerminal('80x24', args, [
    'wait q: quit',
    'wait q: quit',
    'size 30x8',
    'wait q: quit',
    'keys q',
  ]);
  t.equal(status, 0);
  const written = parts.join('');
  t.ok(written.startsWith('\u001b[?1049h'), 'on the alternate screen');
  t.ok(written.endsWith('\u001b[?1049l'), 'which it leaves');
  t.match(written, /1 granted/);
  t.notOk(written.includes('\u001b[2J'), 'the screen is never cleared, which would flicker');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal control sequences
  const plain = (part: string) => part.replace(/\u001b\[[?0-9;]*[A-Za-z]/g, '');
  const frame = written.split('\u001b[H').at(-1) as string;
  const lines = plain(frame).split(/\r+\n/);
  t.ok(
    lines.length <= 8 && lines.every((line) => line.length <= 30),
    `it fits the new size of the terminal: ${JSON.stringify(lines)}`,
  );

  const interrupted = await onTerminal('80x24', args, ['wait q: quit', 'keys \\x03']);
  t.equal(interrupted.status, 0, 'Ctrl-C quits as well');

  const script = ['wait q: quit', `stop ${daemon.process.pid}`, 'wait is not running', 'keys q'];
  t.equal((await onTerminal('100x30', args, script)).status, 0, 'it says when the daemon has stopped');
  await daemon.exited;
  const none = await djauthd(['stats', '--control', daemon.control]);
  t.equal(none.code, 1);
  t.match(none.stderr, /djauthd is not running/);
});

for (const [columns, rows] of [
  [80, 24],
  [60, 24],
] as const) {
  t.test(`stats --watch at ${columns}x${rows}`, async (t) => {
    const directory = publicDirectory();
    const site = createSite(join(directory, 'db.sqlite3'), PEOPLE);
    const names = Array.from({ length: 16 }, (_, index) => `site${index + 1}.settings`);
    const daemon = await startDaemon({
      directory,
      config: [...names, 'a-very-long-name-of-a-site.of.the.company.settings']
        .map((name, index) => `[sites."${name}"]\ndatabase = "${index === 9 ? 'sqlite:///nowhere/db' : site.url}"`)
        .join('\n'),
    });
    t.teardown(async () => {
      await daemon.stop();
      site.close();
      rmSync(directory, { recursive: true, force: true });
    });
    const client = await daemon.connect();
    await client.check('alice', 'secret', { site: 'site1.settings' });
    await client.check('alice', 'wrong', { site: 'site1.settings' });
    await client.check('nobody', 'wrong', { site: 'site2.settings' });
    await client.check('alice', 'secret', { site: 'site10.settings' });
    const args = ['stats', '--watch', '--config', daemon.configFile];
    const { parts, status } = await onTerminal(`${columns}x${rows}`, args, ['wait q: quit', 'keys q']);
    t.equal(status, 0);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal control sequences
    const frame = (parts.join('').split('\u001b[H')[1] as string).replace(/\u001b\[[?0-9;]*[A-Za-z]/g, '');
    const lines = frame.split(/\r+\n/);
    t.comment(`\n${lines.join('\n')}`);
    t.ok(lines.length <= rows && lines.every((line) => [...line].length <= columns), 'it fits the terminal');
    t.match(lines[1], /^site10\.settings: database down for \d+ s: .*/, 'first what is broken');
    t.ok(lines.some((line) => /^verdicts +1 error +0 busy +2 denied +1 granted$/.test(line)));
    t.ok(
      lines.some((line) => /^denied +1 no such user, 1 wrong password$/.test(line)),
      'why',
    );
    const titles = lines.findIndex((line) => line.startsWith('SITE'));
    t.match(lines[titles], /DATABASE +ERROR +BUSY +DENIED +GRANTED/, 'every column that matters');
    if (columns === 80) t.match(lines[titles], /GRANTED +SINCE +CONN$/);
    t.match(lines[titles + 1], /^site10\.settings +DOWN +1 +0 +0 +0/, 'the site with a fault first');
    const more = lines.map((line) => /^and (\d+) more$/.exec(line)).find((found) => found !== null);
    const shown = lines.slice(titles + 1).filter((line) => / (?:up|unknown|DOWN) +\d/.test(line)).length;
    t.equal(Number(more?.[1]) + shown, 17, `the sites that do not fit are counted: ${shown} shown`);
    t.equal(lines.at(-1), 'q: quit');
  });
}

t.test('the screen', async (t) => {
  const size = { columns: 90, rows: 100, colour: false };
  const lines = screen(reportOf({}), size);
  t.ok(lines.every((line) => [...line].length <= 90));
  t.ok(lines.some((line) => line.startsWith('mysite.settings')));
  t.ok(lines.some((line) => line.includes('DOWN')));
  t.ok(
    lines.some((line) => line.includes('connect ECONNREFUSED')),
    'with the reason',
  );
  t.notOk(lines.join('').includes('\u001b'));
  t.ok(
    screen(reportOf({}), { ...size, colour: true })
      .join('')
      .includes('\u001b[31m'),
  );
  const hearing = { state_seconds: 70, notifications: 4, canary_seconds: 72 };
  const deaf = siteOf('deaf', { hearing: { ...hearing, hears: false, reason: 'the connection was lost' } });
  const both = screen(reportOf({ sites: [siteOf('well'), deaf] }), size);
  t.equal(both[1], 'deaf: changes not heard for 1 min: the connection was lost');
  t.match(both.slice(both.findIndex((line) => line.startsWith('SITE')) + 1).join('\n'), /^deaf [\s\S]*^well /m);
  const well = siteOf('well', { hearing: { ...hearing, hears: true, reason: null } });
  t.notMatch(screen(reportOf({ sites: [well] }), size).join('\n'), /not heard/);
  t.equal(screen(reportOf({}), { ...size, rows: 5 }).length, 5);
  t.ok(screen(reportOf({}), { ...size, columns: 7 }).every((line) => [...line].length <= 7));
  for (const columns of [20, 40, 60, 80, 132]) {
    for (const rows of [3, 8, 22, 23, 50]) {
      for (const sites of [1, 3, 12, 500]) {
        const all = Array.from({ length: sites }, (_, index) => siteOf(`site${index}.${'x'.repeat(index % 40)}`));
        const drawn = screen(reportOf({ sites: [...all, ...reportOf({}).sites] }), { columns, rows, colour: false });
        const where = `${columns}x${rows}, ${sites} sites`;
        if (!drawn.every((line) => [...line].length <= columns) || drawn.length > rows) t.fail(`${where}: too large`);
        if (rows >= 22 && columns >= 60) {
          if (!drawn.some((line) => /SITE +DATABASE +ERROR +BUSY +DENIED +GRANTED/.test(line))) t.fail(where);
          const complete = drawn.slice(1).filter((line) => / (?:up|DOWN) +\d/.test(line)).length === sites + 2;
          if (!complete && !drawn.some((line) => /^and \d+ more$/.test(line))) t.fail(`${where}: silently cut`);
        }
      }
    }
  }
  t.ok(screen(reportOf({ sites_omitted: 3 }), size).includes('and 3 more'), 'what the report omits is counted too');
  t.same(screen(reportOf({}), size, reportOf({})), lines, 'without activity since then, figures are since the start');
});
