// The djauth command, as hooks and administrators call it: what it sends, what it prints, its exit status. Prints TAP.
// Usage: node test_cli.mjs DJAUTH LIBRARY
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack, unpack } from 'msgpackr';

const [, , built, library] = process.argv;
const directory = mkdtempSync(join(tmpdir(), 'djauth-cli-'));
chmodSync(directory, 0o755); // for a test that runs as nobody
const program = join(directory, 'djauth');
copyFileSync(built, program);
const socket = join(directory, 'auth.sock');
const account = {
  id: '7',
  username: 'alice',
  email: 'a@example.com',
  first_name: 'A "quoted"\n',
  last_name: '\u001b[31mÜ',
  staff: true,
  superuser: false,
  groups: ['Editors', 'Back\\slash'],
};
let count = 0;
let failed = 0;
/** The arguments of the last request. */
let asked;
/** The reply to the next request: [status, content], 'close' or 'never'. */
let answer = [0, { account }];

function ok(condition, name, detail) {
  count++;
  if (!condition) failed++;
  console.log(`${condition ? 'ok' : 'not ok'} ${count} - ${name}`);
  if (!condition && detail !== undefined) console.log(`# ${JSON.stringify(detail)}`);
}

const server = net.createServer((connection) => {
  let data = Buffer.alloc(0);
  connection.on('error', () => {});
  connection.on('data', (chunk) => {
    data = Buffer.concat([data, chunk]);
    if (data.length < 4 || data.length < 4 + data.readUInt32BE(0)) return;
    const [, id, operation, parameters] = unpack(data.subarray(4));
    asked = { operation, ...parameters };
    if (answer === 'close') return connection.destroy();
    if (answer === 'never') return;
    const body = pack([1, id, ...answer]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    connection.end(Buffer.concat([length, body]));
  });
});
await new Promise((resolve) => server.listen(socket, resolve));

/** Runs the command to its end. */
function run(parameters, { input = '', env = {}, fd3, shell } = {}) {
  asked = undefined;
  // `shell` is a line of sh that runs "$0" "$@", for descriptors and octets that spawn() cannot pass.
  const [command, words] =
    shell === undefined ? [program, parameters] : ['/bin/sh', ['-c', shell, program, ...parameters]];
  const child = spawn(command, words, {
    env: { PATH: process.env.PATH, DJAUTH_SOCKET: socket, ...env },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const out = [];
  const err = [];
  child.stdout.on('data', (chunk) => out.push(chunk));
  child.stderr.on('data', (chunk) => err.push(chunk));
  for (const stream of [child.stdin, child.stdio[3]]) stream.on('error', () => {});
  child.stdin.end(input);
  child.stdio[3].end(fd3 ?? '');
  return new Promise((resolve) => {
    child.on('close', (code) =>
      resolve({
        code,
        raw: Buffer.concat(out),
        out: Buffer.concat(out).toString(),
        err: Buffer.concat(err).toString(),
      }),
    );
  });
}

const password = () => asked?.password && Buffer.from(asked.password).toString('latin1');

// Exit codes, on which hooks depend.
for (const [status, content, code] of [
  [0, { account }, 0],
  [1, { reason: 'wrong-password' }, 1],
  [2, { reason: 'unknown-user' }, 1],
  [3, { reason: 'queue-full', retry_after: 4 }, 3],
  [4, { reason: 'the database is down' }, 4],
  [5, { reason: 'what?' }, 4],
]) {
  answer = [status, content];
  const text = await run(['check', 'alice'], { input: 'secret\n' });
  ok(text.code === code, `status ${status} exits ${code}`, text);
  const json = await run(['check', '--json', 'alice'], { input: 'secret\n' });
  const parsed = JSON.parse(json.out);
  ok(json.code === code && (parsed.reason ?? '') === (content.reason ?? ''), `status ${status} is JSON`, json);
  if (status === 0) ok(JSON.stringify(parsed.account) === JSON.stringify(account), 'the account is complete', parsed);
  if (status === 3) ok(parsed.retry_after === 4, 'busy has retry_after');
  const quiet = await run(['check', '--quiet', 'alice'], { input: 'secret\n' });
  ok(quiet.code === code && quiet.out === '', `status ${status} prints nothing with --quiet`, quiet);
}
answer = 'close';
const closed = await run(['check', 'alice'], { input: 'x' });
ok(closed.code === 4 && closed.err.startsWith('djauth: error: '), 'a daemon that closes is a fault', closed);
const nowhere = await run(['check', '--json', '--socket', join(directory, 'none'), 'alice'], { input: 'x' });
ok(nowhere.code === 4 && JSON.parse(nowhere.out).status === 'error', 'no daemon is a fault, in JSON too', nowhere);
for (const [name, parameters, shell] of [
  ['a descriptor that cannot be read', ['check', '--json', '--password-fd', '77', 'alice']],
  ['a closed standard input', ['check', '--json', 'alice'], 'exec "$0" "$@" <&-'],
  ['a directory for standard input', ['check', '--json', 'alice'], 'exec "$0" "$@" </'],
]) {
  answer = [1, { reason: 'wrong-password' }];
  const fault = await run(parameters, { shell });
  let status;
  try {
    status = JSON.parse(fault.out).status;
  } catch {}
  ok(
    fault.code === 4 && status === 'error' && asked === undefined,
    `${name} is a fault, in JSON too, and no question`,
    fault,
  );
}

// Output.
answer = [0, { account }];
const unwritten = await run(['check', 'alice'], { shell: 'exec "$0" "$@" >&-', input: 'x' });
ok(
  unwritten.code === 4 && unwritten.err.includes('cannot write'),
  'a grant that cannot be printed is a fault',
  unwritten,
);
const full = await run(['check', 'alice'], { shell: 'exec "$0" "$@" >/dev/full', input: 'x' });
ok(full.code === 4 && full.err.includes('cannot write'), 'so is one on a full disk', full);
ok(
  (await run(['check', '--quiet', 'alice'], { shell: 'exec "$0" "$@" >&- 2>&-', input: 'x' })).code === 0,
  'with --quiet nothing has to be printed',
);
const octets = await run(['ping', '--json'], { shell: 'exec "$0" "$@" --socket "$(printf \'/n\\377\\303\')"' });
ok(
  octets.code === 4 &&
    new TextDecoder('utf-8', { fatal: true }).decode(octets.raw) &&
    JSON.parse(octets.out).reason.includes('/n\ufffd\ufffd:'),
  'JSON is UTF-8 even if it contains a path that is not',
  octets,
);
answer = [0, { account }];
const text = await run(['check', 'alice'], { input: 'secret' });
ok(text.out === 'granted alice (id 7, staff, groups: Editors, Back\\slash)\n', 'a grant is one line', text);
answer = [0, { account: { ...account, username: 'a\u001b]0;x\u0007\u009b1mé\u{1f600}\u00a0' } }];
const controls = await run(['check', 'a'], { input: 'x' });
ok(
  controls.out.startsWith('granted a\\x1b]0;x\\x07\\xc2\\x9b1mé\u{1f600}\u00a0 (id'),
  'control characters do not reach a terminal',
  controls,
);
ok(
  JSON.parse((await run(['check', '--json', 'a'], { input: 'x' })).out).account.username === answer[1].account.username,
  'JSON contains them',
);
answer = [4, { reason: 'no\n\u001b[2Jdatabase' }];
const faulty = await run(['check', 'a'], { input: 'x' });
ok(faulty.err === 'djauth: error: no\\x0a\\x1b[2Jdatabase\n', 'nor do those of a fault', faulty);
answer = [0, { account: { ...account, superuser: true, groups: [] } }];
ok(
  (await run(['authorize', 'alice'])).out === 'granted alice (id 7, staff, superuser)\n',
  'a superuser in no group is one line',
);
{
  const { groups, ...unlisted } = account;
  answer = [0, { account: { ...unlisted, groups_omitted: true } }];
  const many = await run(['check', 'alice'], { input: 'x' });
  ok(many.out === 'granted alice (id 7, staff, too many groups to list)\n', 'omitted groups are not none', many);
  const json = JSON.parse((await run(['check', '--json', 'alice'], { input: 'x' })).out).account;
  ok(json.groups === null, 'in JSON they are null', json);
  answer = [0, { account: unlisted }];
  ok((await run(['check', 'alice'], { input: 'x' })).code === 4, 'a grant without groups is a fault unless they are omitted');
}
answer = [1, { reason: 'not-staff' }];
ok((await run(['authorize', 'alice'])).out === 'denied: not-staff\n', 'a denial has its reason');
answer = [3, { reason: 'queue-full', retry_after: 4 }];
const busy = await run(['authorize', 'alice']);
ok(busy.out === '' && busy.err === 'djauth: busy: queue-full\n', 'busy is reported on standard error', busy);
answer = [0, { server: 'djauthd 9.9.9', protocol: 1 }];
ok((await run(['ping'])).out === 'granted: djauthd 9.9.9\n', 'ping prints the name of the daemon');
ok(JSON.parse((await run(['ping', '--json'])).out).server === 'djauthd 9.9.9', 'in JSON too');

// The password.
answer = [1, { reason: 'wrong-password' }];
for (const [input, expected] of [
  ['secret', 'secret'],
  ['secret\n', 'secret'],
  ['secret\r\n', 'secret'],
  ['secret\n\n', 'secret\n'],
  ['secret\r', 'secret\r'],
  ['\n', ''],
  ['', ''],
  ['a\0b\n', 'a\0b'],
  [' two words ', ' two words '],
  [Buffer.from([0xe9, 0xff]), '\xe9\xff'],
  ['x'.repeat(32_768), 'x'.repeat(32_768)],
  [`${'x'.repeat(32_768)}\n`, 'x'.repeat(32_768)],
]) {
  await run(['check', 'alice'], { input });
  ok(
    password() === expected,
    `the password of the input ${JSON.stringify(String(input).slice(0, 20))}`,
    password()?.length,
  );
}
const long = await run(['check', 'alice'], { input: 'x'.repeat(40_000) });
ok(long.code === 1 && asked === undefined, 'a password that is too long is denied without asking', long);
await run(['check', '--password-fd', '3', 'alice'], { input: 'wrong', fd3: 'from three\n' });
ok(password() === 'from three', '--password-fd reads another descriptor');
const unreadable = await run(['check', '--password-fd', '77', 'alice']);
ok(unreadable.code === 4 && asked === undefined, 'a descriptor that cannot be read is a fault', unreadable);

// Requests.
await run(
  ['check', 'alice', '--site', 's', '--staff', '--superuser', '--permission', 'a.b', '--permission', 'c.d'].concat([
    '--group',
    'G',
    '--timeout',
    '1234',
    '--address',
    '192.0.2.7',
    '--service',
    'svn',
  ]),
  { input: 'x' },
);
ok(
  asked?.operation === 'check' &&
    asked.site === 's' &&
    JSON.stringify(asked.require) ===
      JSON.stringify({ staff: true, superuser: true, permissions: ['a.b', 'c.d'], groups: ['G'] }) &&
    JSON.stringify(asked.client) === JSON.stringify({ address: '192.0.2.7', service: 'svn' }) &&
    asked.deadline_ms > 0 &&
    asked.deadline_ms <= 1234,
  'every option is sent, also those after USER',
  asked,
);
await run(['authorize', '--permission', 'svn.commit', '--', '--odd']);
ok(
  asked?.operation === 'authorize' && Buffer.from(asked.username).toString() === '--odd',
  '-- ends the options',
  asked,
);
ok(asked?.password === undefined, 'authorize sends no password');

// Usage errors.
for (const [parameters, words] of [
  [[], 'missing command; commands are check, authorize, ping and svn-groups'],
  [['login', 'alice'], 'unknown command "login"; commands are check, authorize, ping and svn-groups'],
  [['check'], 'missing USER'],
  [['check', '--nonsense', 'alice'], 'unknown option --nonsense'],
  [['check', '--timeout', '5s', 'alice'], '--timeout: invalid value "5s"; accepted: a whole number from 1 to 600000'],
  [['check', '--timeout', '0', 'alice'], 'from 1 to 600000'],
  [['check', '--timeout', '99999999999999999999', 'alice'], 'accepted'],
  [['check', '--password-fd', '-1', 'alice'], '--password-fd'],
  [['check', '--timeout', '600001', 'alice'], '"600001"'],
  [['check', '--timeout', '', 'alice'], '""'],
  [['check', '--socket', '', 'alice'], '--socket: empty value'],
  [['check', '--site', '', 'alice'], '--site: empty value'],
  [['check', '--group', '', 'alice'], '--group: empty value'],
  [['check', '-xh', 'alice'], 'unknown option -x'],
  [['check', '--staff=yes', 'alice'], 'unexpected value for --staff'],
  [['check', '--help=x', 'alice'], 'unexpected value for --help'],
  [['check', 'alice', ...Array(65).fill('--permission=a.b')], 'at most 64'],
  [['ping', 'alice'], 'too many arguments'],
  [['\u001b[2J', 'alice'], '"\\x1b[2J"'],
  [['check', '--permission', '', 'alice'], '--permission: empty value'],
  [['check', '--site'], '--site: missing value'],
  [['check', '--socket', `/${'x'.repeat(107)}`, 'alice'], '107'],
]) {
  const { code, out, err } = await run(parameters, { input: 'x' });
  ok(
    code === 2 && out === '' && err.includes(words) && err.split('\n').length === 2,
    `usage: ${parameters.join(' ').slice(0, 40)}`,
    {
      code,
      err,
    },
  );
}
for (const parameters of [
  ['alice', 'hunter2'],
  ['--password', 'hunter2', 'alice'],
  ['--password=hunter2', 'alice'],
  ['--pass=hunter2', 'alice'],
  ['--passphrase=hunter2', 'alice'],
  ['--password-fd', 'hunter2', 'alice'],
  ['--password-fd=hunter2', 'alice'],
  ['-phunter2', 'alice'],
  ['-p', 'hunter2', 'alice'],
]) {
  const { code, out, err } = await run(['check', ...parameters], { input: 'x' });
  ok(
    code === 2 && asked === undefined && !`${out}${err}`.includes('hunter2'),
    `a password as an argument is an error and not repeated: ${parameters.join(' ')}`,
    { code, out, err },
  );
}
for (const parameters of [['--password', '3'], ['--password=3']]) {
  const { code, err } = await run(['check', ...parameters, 'alice'], { fd3: 'x' });
  ok(code === 2 && err.includes('never from the command line'), `so is a descriptor with the wrong option: ${parameters.join(' ')}`, {
    code,
    err,
  });
}
const variable = await run(['ping'], { env: { DJAUTH_SOCKET: `/${'x'.repeat(107)}` } });
ok(variable.code === 2 && variable.err.includes('DJAUTH_SOCKET: path too long: "'), 'an invalid variable is named', variable);
const both = await run(['authorize', '--socket', socket, 'alice'], { env: { DJAUTH_SOCKET: '/none' } });
ok(both.code === 1 && asked?.operation === 'authorize', '--socket takes precedence over the variable', both);

// Timeout.
answer = 'never';
const began = Date.now();
const late = await run(['check', '--json', '--timeout', '300', 'alice'], { input: 'x' });
const took = Date.now() - began;
ok(late.code === 4 && JSON.parse(late.out).reason.includes('300 ms') && took >= 300 && took < 4000, '--timeout ends a question', {
  late,
  took,
});
answer = [1, { reason: 'wrong-password' }];
ok(/^djauth \d+\.\d+\.\d+\n$/.test((await run(['--version'])).out), '--version prints the version');
const help = await run(['--help']);
ok(help.code === 0 && help.err === '', '--help prints the usage');
const source = (name) => readFileSync(new URL(`../command/${name}`, import.meta.url), 'utf8');
const options = [...source('options.c').matchAll(/^ +\{"([a-z-]+)", \w+_argument/gm)].map(([, name]) => `--${name}`);
const manual = source('djauth.1').replaceAll('\\-', '-');
/** `--password` exists only to be rejected. */
const missing = (text) => options.filter((name) => name !== '--password' && !new RegExp(`${name}(?![a-z-])`).test(text));
ok(options.length > 15 && missing(help.out).length === 0, '--help has every option', missing(help.out));
ok(missing(manual).length === 0, 'the manual has every option', missing(manual));

// While the command waits for a password, no other process can read its memory. As nobody: for root /proc looks the same anyway.
const nobody = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};
const waiting = spawn(program, ['check', 'alice'], {
  ...nobody,
  env: { DJAUTH_SOCKET: socket },
  stdio: ['pipe', 'ignore', 'ignore'],
});
const limits = () => readFileSync(`/proc/${waiting.pid}/limits`, 'utf8');
for (let tries = 0; tries < 100 && !/Max core file size +0 +0 /.test(limits()); tries++) {
  await new Promise((resolve) => setTimeout(resolve, 50));
}
await new Promise((resolve) => setTimeout(resolve, 200));
ok(/Max core file size +0 +0 /.test(limits()), 'the core file limit is 0');
ok(statSync(`/proc/${waiting.pid}/environ`).uid === 0, "the process is not dumpable: its memory is root's");
waiting.stdin.end();
await new Promise((resolve) => waiting.on('close', resolve));

// At a terminal: a prompt, no echo, and the echo is back after Ctrl-C.
const terminal = `
import os, pty, signal, sys, termios, time
def shows(fd):
    return bool(termios.tcgetattr(fd)[3] & termios.ECHO)
def wait(condition):
    end = time.time() + 10
    while not condition() and time.time() < end: time.sleep(0.02)
    return condition()
# In a foreground process group, as a shell does it: the leader of a session cannot be stopped.
def in_foreground():
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(0, os.getpid())
        return
    status = os.waitpid(pid, os.WUNTRACED)[1]
    if os.WIFSTOPPED(status): os.kill(pid, signal.SIGKILL)
    os._exit(99 if os.WIFSTOPPED(status) else os.WEXITSTATUS(status))
def talk(typed, kill=None, ignored=None, job=False):
    pid, fd = pty.fork()
    if pid == 0:
        if ignored: signal.signal(ignored, signal.SIG_IGN)
        if job: in_foreground()
        os.execv(sys.argv[1], [sys.argv[1], 'check', 'alice'])
    said = b''
    while not said.endswith(b'Password: '):
        said += os.read(fd, 4096)
    silent = not shows(fd)
    if kill: os.kill(pid, kill)
    if kill and ignored: time.sleep(0.2)
    if typed: os.write(fd, typed)
    restored = wait(lambda: shows(fd))
    try:
        while True:
            got = os.read(fd, 4096)
            if not got: break
            said += got
    except OSError: pass
    status = os.waitpid(pid, 0)[1]
    end = os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)
    return silent and restored and b'secret' not in said, end
for name, expected, got in [
    ('Ctrl-C', signal.SIGINT, talk(b'secret\\x03')),
    ('Ctrl-backslash', signal.SIGQUIT, talk(b'secret\\x1c')),
    ('SIGTERM', signal.SIGTERM, talk(b'', signal.SIGTERM)),
    ('SIGHUP', signal.SIGHUP, talk(b'', signal.SIGHUP)),
    ('a signal that was ignored', -1, talk(b'nohup-secret\\n', signal.SIGHUP, signal.SIGHUP)),
    ('Ctrl-Z', -1, talk(b'\\x1aafter-secret\\n', job=True)),
    ('Ctrl-D', -1, talk(b'\\x04')),
    ('a typed password', -1, talk(b'typed-secret\\n')),
]:
    print(name, got == (True, expected), got, flush=True)
`;
// Not with execFileSync: the server runs in this process.
const pty = spawn('/usr/bin/python3', ['-c', terminal, program], {
  env: { DJAUTH_SOCKET: socket },
  stdio: ['ignore', 'pipe', 'inherit'],
});
let said = '';
pty.stdout.on('data', (chunk) => {
  said += chunk;
});
await new Promise((resolve) => pty.on('close', resolve));
const sayings = said.trim().split('\n');
for (const saying of sayings) {
  ok(
    / True /.test(saying),
    `at a terminal, ${saying.replace(/ (True|False) .*/, '')} is read without echo, which is on again afterwards`,
    saying,
  );
}
ok(sayings.length === 8, 'all eight cases at a terminal ran', said);
ok(password() === 'typed-secret', 'the typed password is sent');

// The library exports its interface and nothing else.
const symbols = execFileSync('nm', ['-D', '--defined-only', library], { encoding: 'utf8' });
const names = symbols
  .trim()
  .split('\n')
  .map((line) => line.split(' ').at(-1))
  .filter((name) => name !== 'DJAUTH_0') // the name of the version
  .sort();
const header = readFileSync(new URL('../djauth.h', import.meta.url), 'utf8');
const declared = [...header.matchAll(/^DJAUTH_API [^(]*?(\w+)\(/gm)].map(([, name]) => `${name}@@DJAUTH_0`).sort();
ok(declared.length > 6 && `${names}` === `${declared}`, 'the library exports exactly what its header declares, with versions', names);

console.log(`1..${count}`);
server.close();
rmSync(directory, { recursive: true });
process.exit(failed === 0 ? 0 : 1);
