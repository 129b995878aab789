// The djauth command, as hooks and people call it: what it sends, what it prints, how it exits. TAP on standard output.
// Usage: node test_cli.mjs DJAUTH LIBRARY
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack, unpack } from 'msgpackr';

const [, , program, library] = process.argv;
const directory = mkdtempSync(join(tmpdir(), 'djauth-cli-'));
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
/** What the next request is answered: [status, content], or 'close'. */
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
    const body = pack([1, id, ...answer]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    connection.end(Buffer.concat([length, body]));
  });
});
await new Promise((resolve) => server.listen(socket, resolve));

/** Runs it to its end. */
function run(parameters, { input = '', env = {}, fd3 } = {}) {
  asked = undefined;
  const child = spawn(program, parameters, {
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
    child.on('close', (code) => resolve({ code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }));
  });
}

const password = () => asked?.password && Buffer.from(asked.password).toString('latin1');

// Exit codes: what hooks go by.
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
  if (status === 0) ok(JSON.stringify(parsed.account) === JSON.stringify(account), 'the account is all there', parsed);
  if (status === 3) ok(parsed.retry_after === 4, 'busy says when to come again');
  const quiet = await run(['check', '--quiet', 'alice'], { input: 'secret\n' });
  ok(quiet.code === code && quiet.out === '', `status ${status} prints nothing with --quiet`, quiet);
}
answer = 'close';
const closed = await run(['check', 'alice'], { input: 'x' });
ok(closed.code === 4 && closed.err.startsWith('djauth: error: '), 'a daemon that closes is a fault', closed);
const nowhere = await run(['check', '--json', '--socket', join(directory, 'none'), 'alice'], { input: 'x' });
ok(nowhere.code === 4 && JSON.parse(nowhere.out).status === 'error', 'no daemon is a fault, in JSON too', nowhere);

// What is printed.
answer = [0, { account }];
const text = await run(['check', 'alice'], { input: 'secret' });
ok(text.out === 'granted alice (id 7, staff, groups: Editors, Back\\slash)\n', 'a grant is one line', text);
answer = [0, { account: { ...account, username: 'a\u001b]0;x\u0007' } }];
ok(!(await run(['check', 'a'], { input: 'x' })).out.includes('\u001b'), 'control characters do not reach a terminal');
answer = [0, { server: 'djauthd 9.9.9', protocol: 1 }];
ok((await run(['ping'])).out === 'granted: djauthd 9.9.9\n', 'ping names the daemon');
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
  ok(password() === expected, `${JSON.stringify(String(input).slice(0, 20))} is the right password`, password()?.length);
}
const long = await run(['check', 'alice'], { input: 'x'.repeat(40_000) });
ok(long.code === 1 && asked === undefined, 'one that no account has is denied unasked', long);
await run(['check', '--password-fd', '3', 'alice'], { input: 'wrong', fd3: 'from three\n' });
ok(password() === 'from three', '--password-fd reads elsewhere');
const unreadable = await run(['check', '--password-fd', '77', 'alice']);
ok(unreadable.code === 4 && asked === undefined, 'a descriptor that cannot be read is a fault', unreadable);

// What is asked.
await run(
  ['check', 'alice', '--site', 's', '--staff', '--superuser', '--permission', 'a.b', '--permission', 'c.d'].concat(
    ['--group', 'G', '--timeout', '1234', '--address', '192.0.2.7', '--service', 'svn'],
  ),
  { input: 'x' },
);
ok(
  asked?.operation === 'check' &&
    asked.site === 's' &&
    JSON.stringify(asked.require) ===
      JSON.stringify({ staff: true, superuser: true, permissions: ['a.b', 'c.d'], groups: ['G'] }) &&
    JSON.stringify(asked.client) === JSON.stringify({ address: '192.0.2.7', service: 'svn' }) &&
    asked.deadline_ms === 1234,
  'every option is sent, after USER too',
  asked,
);
await run(['authorize', '--permission', 'svn.commit', '--', '--odd']);
ok(asked?.operation === 'authorize' && Buffer.from(asked.username).toString() === '--odd', '-- ends the options', asked);
ok(asked?.password === undefined, 'authorize sends no password');

// Wrong usage.
for (const [parameters, words] of [
  [[], 'command'],
  [['login', 'alice'], 'check, authorize and ping'],
  [['check'], 'USER'],
  [['check', '--nonsense', 'alice'], '--nonsense'],
  [['check', '--timeout', '5s', 'alice'], '"5s"'],
  [['check', '--timeout', '0', 'alice'], 'from 1 to 600000'],
  [['check', '--timeout', '99999999999999999999', 'alice'], 'accepted'],
  [['check', '--password-fd', '-1', 'alice'], '--password-fd'],
  [['check', '--permission', '', 'alice'], '--permission'],
  [['check', '--site'], 'needs a value'],
  [['check', '--socket', `/${'x'.repeat(107)}`, 'alice'], '107'],
]) {
  const { code, out, err } = await run(parameters, { input: 'x' });
  ok(code === 2 && out === '' && err.includes(words) && err.split('\n').length === 2, `usage: ${parameters.join(' ').slice(0, 40)}`, {
    code,
    err,
  });
}
const argument = await run(['check', 'alice', 'hunter2'], { input: 'x' });
ok(argument.code === 2 && !argument.err.includes('hunter2'), 'a password as an argument is refused and not repeated', argument);
ok((await run(['--help'])).code === 0 && /^djauth \d+\.\d+\.\d+\n$/.test((await run(['--version'])).out), '--help, --version');

// While it waits for a password, no core file can be had of it.
const waiting = spawn(program, ['check', 'alice'], { env: { DJAUTH_SOCKET: socket }, stdio: ['pipe', 'ignore', 'ignore'] });
await new Promise((resolve) => setTimeout(resolve, 300));
ok(/Max core file size +0 +0 /.test(readFileSync(`/proc/${waiting.pid}/limits`, 'utf8')), 'its core limit is 0');
waiting.stdin.end();
await new Promise((resolve) => waiting.on('close', resolve));

// At a terminal: prompted for, not shown, and Ctrl-C leaves the terminal as it was.
const terminal = `
import os, pty, sys, termios, time
def talk(typed):
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(sys.argv[1], [sys.argv[1], 'check', 'alice'])
    time.sleep(0.5)
    silent = not termios.tcgetattr(fd)[3] & termios.ECHO
    os.write(fd, typed)
    time.sleep(0.5)
    after = bool(termios.tcgetattr(fd)[3] & termios.ECHO)
    said = b''
    try:
        while True:
            got = os.read(fd, 4096)
            if not got: break
            said += got
    except OSError: pass
    return silent, after, b'Password: ' in said, b'typed-secret' not in said
print(all(talk(b'typed-secret\\n')), all(talk(b'typed-\\x03')))
`;
// Not with execFileSync: the answering server runs in this process.
const pty = spawn('/usr/bin/python3', ['-c', terminal, program], { env: { DJAUTH_SOCKET: socket }, stdio: ['ignore', 'pipe', 'inherit'] });
let said = '';
pty.stdout.on('data', (chunk) => {
  said += chunk;
});
await new Promise((resolve) => pty.on('close', resolve));
ok(said === 'True True\n', 'at a terminal it prompts, shows nothing, and restores after Ctrl-C', said);
ok(password() === 'typed-secret', 'and sends what was typed');

// The library shows its interface and nothing else.
const symbols = execFileSync('nm', ['-D', '--defined-only', library], { encoding: 'utf8' });
const names = symbols.trim().split('\n').map((line) => line.split(' ').at(-1));
ok(names.every((name) => name?.startsWith('djauth_')) && !names.some((name) => name?.includes('wire')), 'only the interface is exported', names);
ok(spawnSync('nm', ['-D', '--defined-only', library]).status === 0 && names.length === 7, 'all seven functions of it');

console.log(`1..${count}`);
server.close();
rmSync(directory, { recursive: true });
process.exit(failed === 0 ? 0 : 1);
