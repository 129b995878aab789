import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { screen } from '../../daemon/command/control/screen.ts';
import { PROGRAM } from '../fixtures/daemon.ts';
import { reportOf } from '../fixtures/report.ts';
import type { Person } from '../fixtures/site.ts';
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

/** The command, as users run it. Not waited for in a way that would hold up a server in this process. */
function djauthd(args: string[], uid?: number): Promise<Ran> {
  // tap's own part in each Node program would write where another user may not.
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
    elsewhere: { error: 1 },
    durations: { cached: { count: 1 }, hashed: { count: 2 }, authorized: { count: 1 } },
    connections: { open: 1 },
    proofs: 2,
    sites: [{ name: 'site', accounts: 2, verdicts: { granted: 3 }, database: { up: true, failures: 0 } }],
    sites_left_out: 0,
  });
  t.equal(report.recent.checks.reduce((sum: number, checks: number) => sum + checks, 0) <= 5, true);
  t.notMatch(json.stdout, /alice|jörg|secret/, 'no account and no password is told of');

  const text = await ask('--prometheus');
  t.match(text.stdout, /^djauthd_verdicts_total\{site="site",verdict="granted"\} 3$/m);
  t.match(text.stdout, /^djauthd_answer_duration_seconds_count\{way="hashed"\} 2$/m);
  t.notMatch(text.stdout, /alice|secret/);

  const people = await ask();
  t.match(people.stdout, /^djauthd \d.*\n\nchecks\/s/, 'for people');
  t.match(people.stdout, /3 granted {2}1 denied {2}0 busy {2}1 faults/);
  t.match(people.stdout, /^site +up /m);
  t.notOk(people.stdout.includes('\u001b'), 'no colours where there is no terminal');
  t.same(await djauthd(['stats', '--control', daemon.control, '--json']).then(({ code }) => code), 0, '--control');
  t.equal((await ask('--json', '--prometheus')).code, 2, 'one of them');
  const watched = await ask('--watch');
  t.equal(watched.code, 1);
  t.match(watched.stderr, /needs a terminal/);
});

t.test('flush', async (t) => {
  const { daemon, client, site, stats } = await world(t);
  const flush = (...more: string[]) => djauthd(['flush', '--config', daemon.configFile, ...more]);
  await client.check('jörg', 'secret');
  await client.check('alice', 'secret');
  site.setPassword('jörg', 'new');
  t.equal((await client.check('jörg', 'new')).status, 1, 'an account may be an hour old here');
  const one = await flush('--user', 'jörg', '--site', 'site');
  t.same([one.code, one.stdout], [0, '1 entry forgotten\n']);
  t.equal((await client.check('jörg', 'new')).status, 0, 'it was read anew');
  t.equal((await stats()).accounts, 2, 'the other one was kept');
  t.same((await flush('--user', 'nobody')).stdout, '0 entries forgotten\n');
  const wrong = await flush('--site', 'elsewhere');
  t.same([wrong.code, wrong.stderr], [1, 'djauthd: site "elsewhere" is not configured\n']);
  t.equal((await flush()).code, 0);
  t.match(await stats(), { accounts: 0, proofs: 0 });

  daemon.configure(['site', 'other'].map((name) => `[sites.${name}]\ndatabase = "${site.url}"`).join('\n'));
  t.equal((await djauthd(['reload', '--config', daemon.configFile])).code, 0);
  t.match((await flush('--user', 'alice')).stderr, /an account is of one site, and 2 are configured/);
});

t.test('reload', async (t) => {
  const { daemon, client, site, stats } = await world(t);
  const reload = () => djauthd(['reload', '--control', daemon.control]);
  daemon.configure(`[sites.new]\ndatabase = "${site.url}"`);
  t.same(await reload(), { code: 0, stdout: 'the configuration was read anew\n', stderr: '' });
  t.equal((await client.check('alice', 'secret', { site: 'new' })).status, 0);
  daemon.configure('[sites.new]\ndatabase = "oracle://x"');
  const refused = await reload();
  t.equal(refused.code, 1);
  t.match(
    refused.stderr,
    /^djauthd: not reloaded: .*djauthd\.toml: sites\.new\.database: .* is not accepted; accepted: /,
  );
  t.equal((await client.check('alice', 'secret', { site: 'new' })).status, 0, 'the old one stays');
  t.match(await stats(), { reloads_taken: 1, reloads_refused: 1 });
});

t.test('who cannot be asked', async (t) => {
  const { daemon, directory, site } = await world(t);
  const says = async (flags: string[], code: number, sentence: RegExp, uid?: number) => {
    const ran = await djauthd(['stats', ...flags], uid);
    t.equal(ran.code, code, `${flags}: ${ran.stderr}`);
    t.match(ran.stderr, sentence);
    t.equal(ran.stderr.trim().split('\n').length, 1, `one sentence: ${ran.stderr}`);
    t.equal(ran.stdout, '');
  };
  await says(['--control', '/nowhere/c.sock'], 1, /no control socket at \/nowhere\/c\.sock: djauthd is not running/);
  const strange = join(directory, 'strange.sock');
  const other = net
    .createServer((socket) => socket.once('data', () => socket.end('HTTP/1.0 400 Bad Request\r\n\r\n')))
    .listen(strange);
  await says(['--control', strange], 1, /does not answer as djauthd does/);
  other.close();
  const deaf = join(directory, 'deaf.sock');
  const closing = net.createServer((socket) => socket.destroy()).listen(deaf);
  await says(['--control', deaf], 1, /closed the connection without an answer/);
  closing.close();
  const plain = join(directory, 'plain');
  writeFileSync(plain, '');
  await says(['--control', plain], 1, /nobody listens at .*plain: djauthd is not running/);
  chmodSync(directory, 0o755);
  if (process.getuid?.() === 0)
    await says(['--control', daemon.control], 1, /only root and the user that djauthd runs as/, 65534);

  await says(
    ['--config', '/nowhere.toml'],
    2,
    /\/nowhere\.toml: cannot be read: .*; --control names the control socket/,
  );
  const without = join(directory, 'without.toml');
  writeFileSync(without, `[listen]\nsocket = "${daemon.socket}"\n[sites.site]\ndatabase = "${site.url}"\n`);
  await says(['--config', without], 2, /without\.toml: listen\.control: is missing; needed: /);
  t.equal((await djauthd(['stats', '--nonsense'])).code, 2);
  const auth = await djauthd(['reload', '--control', daemon.socket]);
  t.equal(auth.code, 1);
  t.match(auth.stderr, /does not take that: .*belongs to the control socket/, 'the other socket takes no orders');
  t.equal((await djauthd(['stats', '--control', daemon.socket])).code, 0, 'but says how it does');
});

/** Runs it on a terminal; the script is as test/fixtures/terminal.py has it. */
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
    'wait q ends',
    'wait q ends',
    'size 30x8',
    'wait q ends',
    'keys q',
  ]);
  t.equal(status, 0);
  const written = parts.join('');
  t.ok(written.startsWith('\u001b[?1049h'), 'on a screen of its own');
  t.ok(written.endsWith('\u001b[?1049l'), 'and back');
  t.match(written, /1 granted/);
  t.notOk(written.includes('\u001b[2J'), 'never wiped as a whole, which flickers');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what terminals are told
  const plain = (part: string) => part.replace(/\u001b\[[?0-9;]*[A-Za-z]/g, '');
  const frame = written.split('\u001b[H').at(-1) as string;
  const lines = plain(frame).split(/\r+\n/);
  t.ok(
    lines.length <= 8 && lines.every((line) => line.length <= 30),
    `it fits what the terminal became: ${JSON.stringify(lines)}`,
  );

  const interrupted = await onTerminal('80x24', args, ['wait q ends', 'keys \\x03']);
  t.equal(interrupted.status, 0, 'Ctrl-C ends it as well');

  const script = ['wait q ends', `stop ${daemon.process.pid}`, 'wait is not running', 'keys q'];
  t.equal((await onTerminal('100x30', args, script)).status, 0, 'a daemon that goes away is said to have');
  await daemon.exited;
  const none = await djauthd(['stats', '--control', daemon.control]);
  t.equal(none.code, 1);
  t.match(none.stderr, /djauthd is not running/);
});

t.test('the screen', async (t) => {
  const size = { columns: 90, rows: 100, colour: false };
  const lines = screen(reportOf({}), size);
  t.ok(lines.every((line) => [...line].length <= 90));
  t.ok(lines.some((line) => line.startsWith('mysite.settings')));
  t.ok(lines.some((line) => line.includes('DOWN')));
  t.ok(
    lines.some((line) => line.includes('connect ECONNREFUSED')),
    'and why',
  );
  t.notOk(lines.join('').includes('\u001b'));
  t.ok(
    screen(reportOf({}), { ...size, colour: true })
      .join('')
      .includes('\u001b[31m'),
  );
  t.equal(screen(reportOf({}), { ...size, rows: 5 }).length, 5);
  t.ok(screen(reportOf({}), { ...size, columns: 7 }).every((line) => [...line].length <= 7));
  t.same(screen(reportOf({}), size, reportOf({})), lines, 'where nothing happened since, it is since the start');
});
