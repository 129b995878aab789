import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { encodeRequest } from '../../protocol/request.ts';
import { connect } from '../fixtures/client.ts';
import { NO_ADDON, PROGRAM, waitFor } from '../fixtures/daemon.ts';
import { createSite, encodePbkdf2, type Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

/** Distinct enough to be recognized anywhere; one is short enough for V8 to keep among its objects. */
const RIGHT = 'Ohpah5eiJ0eg';
const WRONG = 'zaiT7Eighiet-wrong';
const LATIN = 'Schl\u00fcssel-ieV9oo';
const UNKNOWN = 'Xoo0ohgh-nobody';
const BROKEN = 'aegh2Shi-no-request';
const TEXT = 'eiGh1Oos-sent-as-str';
const SLOW = 'uo6Iequa-too-late';
const LONG = 'Ae5quaing'.repeat(200);
/** Typed into the field for the name. */
const AS_NAME = 'ohZ9aeth-as-a-name';
const SECRETS = [RIGHT, WRONG, LATIN, UNKNOWN, BROKEN, TEXT, SLOW, LONG.slice(0, 40)];

const PEOPLE: Person[] = [
  { username: 'alice', password: RIGHT },
  { username: 'erin', encoded: '!unusable' },
  { username: 'frank', encoded: 'pbkdf2_sha256$01000$salt$x' },
  { username: 'bcrypt', encoded: 'bcrypt$$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW' },
  { username: 'heavy', encoded: encodePbkdf2('x', { iterations: 1 }).replace('$1$', '$2000000000$') },
];

/** Sends passwords in every way there is. */
async function useAll(daemon: { socket: string; control: string }): Promise<void> {
  const client = await connect(daemon.socket);
  const control = await connect(daemon.control);
  const latin = Buffer.from(LATIN, 'latin1');
  for (const password of [RIGHT, WRONG, latin, LONG]) {
    for (const { username } of PEOPLE) await client.check(username, password);
    await client.check('alice', password, { site: 'elsewhere' });
    await client.check('alice', password, { require: { staff: true }, client: { address: '::1', service: 'test' } });
  }
  await client.check('nobody', UNKNOWN);
  await client.check('x'.repeat(1025), UNKNOWN);
  const busy = await Promise.all(
    Array.from({ length: 8 }, (_, at) => client.check('alice', SLOW + at, { deadline_ms: 1 })),
  );
  if (!busy.some(({ status }) => status === 3)) throw new Error('nothing was too late');
  for (const [socket, parameters] of [
    [daemon.socket, { username: Buffer.from('alice'), password: TEXT }],
    [daemon.socket, { username: Buffer.from('alice'), password: Buffer.from(BROKEN), unknown: 1 }],
    [daemon.socket, { username: Buffer.from('alice'), [BROKEN.slice(0, 4)]: Buffer.from(BROKEN) }],
    [daemon.control, { username: Buffer.from('alice'), password: Buffer.from(BROKEN) }],
  ] as const) {
    const broken = await connect(socket);
    const { status } = await broken.ask('check', parameters);
    if (status !== 5) throw new Error(`status ${status}`);
    broken.close();
  }
  client.close();
  control.close();
}

/** Sends frames in pieces, frames without an end, and long ones: each is in memory of another size for a while. */
async function sendOddly(socket: string): Promise<void> {
  for (let at = 0; at < 12; at++) {
    const parameters = { username: Buffer.from('alice'), password: Buffer.from(WRONG) };
    const frame = encodeRequest(1, 'check', parameters);
    const { socket: stream } = await connect(socket);
    stream.write(frame.subarray(0, 2 + 3 * at));
    await sleep(2);
    stream.write(at % 2 ? frame.subarray(2 + 3 * at) : frame.subarray(2 + 3 * at, -1));
    await sleep(20);
    stream.destroy();
  }
  const client = await connect(socket);
  for (let at = 0; at < 10; at++) await client.check('alice', WRONG.padEnd(1_000 + 3_000 * at, 'z'));
  await Promise.all(Array.from({ length: 30 }, (_, at) => client.check('alice', `${WRONG}${at}`)));
  client.close();
}

/** Types a password where the name belongs, in every way that leaves a line. */
async function typeAsName(daemon: { socket: string; control: string }): Promise<void> {
  const client = await connect(daemon.socket);
  const control = await connect(daemon.control);
  for (const rest of [{}, { site: 'elsewhere' }, { deadline_ms: 1 }]) {
    await client.check(AS_NAME, 'x', rest);
    await client.authorize(AS_NAME, rest);
    await client.check(AS_NAME.repeat(100), 'x', rest);
  }
  await control.ask('flush', { username: Buffer.from(AS_NAME) });
  await control.ask('explain', { username: Buffer.from(AS_NAME) });
  client.close();
  control.close();
}

t.test('no form of a password is in the log, at any level', async (t) => {
  const { daemon, stats, site } = await createWorld(t, PEOPLE, {
    config: 'hashers = "django-1.10"\n[log]\nlevel = "trace"\n[hash]\nworkers = 1',
  });
  await useAll(daemon);
  await typeAsName(daemon);
  await explainAll(daemon);
  const { granted = 0, denied = 0, busy = 0, error = 0 } = await stats();
  const verdicts = () => daemon.lines().filter(({ msg }) => /^(granted|denied|busy|error)$/.test(msg)).length;
  await waitFor(() => verdicts() === granted + denied + busy + error);
  t.ok(granted > 0 && denied > 0 && busy > 0 && error > 0, 'every kind of verdict was given');
  for (const secret of [...SECRETS, AS_NAME]) {
    for (const encoding of ['utf8', 'latin1'] as const) {
      const octets = Buffer.from(secret, encoding);
      for (const form of [octets.toString('latin1'), secret, octets.toString('hex'), octets.toString('base64url')]) {
        t.notOk(daemon.log().includes(form.slice(0, 12)), `${secret} as ${form}`);
      }
      t.notOk(daemon.log().includes([...octets].slice(0, 6).join(',')), `${secret} as a list of numbers`);
    }
  }
  for (const { password } of site.database.prepare('SELECT password FROM auth_user').all() as { password: string }[]) {
    const parts = password.split('$').filter((part) => part.length > 15);
    t.notOk(
      parts.some((part) => daemon.log().includes(part)),
      'nor is a stored hash, or its salt',
    );
  }
});

/** Asks why, in every way that ends elsewhere: compared, not compared, refused, too many at once. */
async function explainAll({ control: socket }: { control: string }): Promise<void> {
  const control = await connect(socket);
  const asks = (password: string, rest = {}, username = 'alice') =>
    control.ask('explain', { username: Buffer.from(username), password: Buffer.from(password), ...rest });
  for (const password of [RIGHT, WRONG, LATIN, LONG]) {
    for (const rest of [{}, { site: 'elsewhere' }, { deadline_ms: 1 }, { expression: 'django-staff' }]) {
      await asks(password, rest);
    }
    await asks(password, {}, 'nobody'.repeat(1_000));
    await Promise.all(Array.from({ length: 8 }, (_, at) => asks(`${password}${at}`)));
  }
  control.close();
  for (const expression of ['nonsense', '(']) {
    const bad = await connect(socket);
    await bad.ask('explain', { username: Buffer.from('alice'), password: Buffer.from(WRONG), expression });
    bad.close();
  }
}

/** V8 reserves more than this for compiled code, from Node.js 24 on; no octets of requests are there. */
const MAPPING_MAX = 500_000_000;

/** The number of occurrences of each text in the memory of a process. */
function inMemory(pid: number, texts: readonly Buffer[]): number[] {
  const found = texts.map(() => 0);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (from === undefined || to === undefined) continue;
    const start = Number.parseInt(from, 16);
    const size = Number.parseInt(to, 16) - start;
    if (size > MAPPING_MAX) continue;
    const octets = Buffer.alloc(size);
    try {
      readSync(memory, octets, 0, octets.length, start);
    } catch {
      continue; // a mapping that cannot be read
    }
    for (const [at, text] of texts.entries()) {
      for (let where = octets.indexOf(text); where >= 0; where = octets.indexOf(text, where + 1)) {
        found[at] = (found[at] ?? 0) + 1;
      }
    }
  }
  closeSync(memory);
  return found;
}

t.test('no password stays in memory', async (t) => {
  const { daemon, client, stats } = await createWorld(t, PEOPLE, {
    config: 'hashers = "django-1.10"\n[hash]\nworkers = 1',
  });
  const pid = daemon.process.pid as number;
  const marker = 'Rooph4ei-a-name-not-a-secret';
  await client.check(marker, 'x');
  t.not(inMemory(pid, [Buffer.from(marker)])[0], 0, 'a text that is there is found');

  // Long passwords last: from Node.js 22 on, memory that was freed with them in it would not be used again soon.
  await useAll(daemon);
  await explainAll(daemon);
  await sendOddly(daemon.socket);
  await Promise.all(Array.from({ length: 50 }, async () => (await daemon.connect()).ask('ping')));
  t.ok(((await stats()).proofs ?? 0) > 0, 'although their proofs are kept');
  // A password sent as text, against the protocol, becomes a string, which cannot be wiped.
  const octets = SECRETS.filter((secret) => secret !== TEXT).flatMap((secret) => [
    Buffer.from(secret),
    Buffer.from(secret, 'latin1'),
  ]);
  t.same(
    inMemory(pid, octets),
    octets.map(() => 0),
  );
});

/** A user of this machine who owns nothing. */
const NOBODY = 65534;

t.test('no other process of its user reads its memory, and there is no core file', async (t) => {
  if (NO_ADDON) {
    const { daemon } = await createWorld(t, PEOPLE);
    t.match(daemon.log(), /other processes of the daemon's user can read its memory: .*memory\.node: cannot open/);
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-m-'));
  const site = createSite(join(directory, 'db.sqlite3'), PEOPLE);
  const socket = join(directory, 'auth.sock');
  const file = join(directory, 'djauthd.toml');
  writeFileSync(file, `[listen]\nsocket = "${socket}"\n[sites.site]\ndatabase = "${site.url}"\n`);
  chmodSync(join(directory, 'db.sqlite3'), 0o644);
  chownSync(directory, NOBODY, NOBODY);
  // Not by its first line, which limits core files: an administrator may raise the limit again. tap's own code, which
  // NODE_OPTIONS loads, would handle the signal.
  const daemon = spawn(
    'sh',
    [
      '-c',
      'ulimit -c "$(ulimit -H -c)"; unset NODE_OPTIONS; exec "$@"',
      'sh',
      process.execPath,
      PROGRAM,
      'serve',
      '--config',
      file,
    ],
    {
      stdio: 'ignore',
      cwd: directory,
      uid: NOBODY,
      gid: NOBODY,
    },
  );
  const exited = new Promise((resolve) => daemon.once('exit', (code, signal) => resolve(signal ?? code)));
  t.teardown(() => {
    daemon.kill('SIGKILL');
    site.close();
    rmSync(directory, { recursive: true });
  });
  const pid = daemon.pid as number;
  const client = await connectWhenUp(socket);
  t.equal((await client.check('alice', RIGHT)).status, 0, 'it serves all the same');
  client.close();

  const reads = (path: string) =>
    spawnSync('head', ['-c', '1', path], { uid: NOBODY, gid: NOBODY, encoding: 'utf8' }).stderr;
  for (const name of ['environ', 'maps', 'mem', 'fd/3']) {
    t.match(reads(`/proc/${pid}/${name}`), /Permission denied/, name);
  }
  t.same(reads(`/proc/${pid}/status`), '', 'what everybody may read is not concerned');
  t.equal(statSync(`/proc/${pid}/mem`).uid, 0);
  daemon.kill('SIGABRT');
  t.equal(await exited, 'SIGABRT');
  t.same(
    readdirSync(directory).filter((name) => name.startsWith('core')),
    [],
  );
});

t.test('a full disk for the log stops nothing', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-l-'));
  const site = createSite(join(directory, 'db.sqlite3'), PEOPLE);
  const socket = join(directory, 'auth.sock');
  const file = join(directory, 'djauthd.toml');
  writeFileSync(
    file,
    `[listen]\nsocket = "${socket}"\n[sites.site]\ndatabase = "${site.url}"\nhashers = "django-1.10"\n[log]\nlevel = "trace"\n`,
  );
  const full = openSync('/dev/full', 'w');
  const daemon = spawn(PROGRAM, ['serve', '--config', file], { stdio: ['ignore', 'ignore', full] });
  const exited = new Promise((resolve) => daemon.once('exit', resolve));
  t.teardown(() => {
    daemon.kill('SIGKILL');
    closeSync(full);
    site.close();
    rmSync(directory, { recursive: true });
  });
  const client = await connectWhenUp(socket);
  t.teardown(() => client.close());
  for (let at = 0; at < 50; at++) {
    t.equal((await client.check('alice', RIGHT)).status, 0);
    t.equal((await client.check('alice', WRONG)).status, 1);
  }
  daemon.kill('SIGTERM');
  t.equal(await exited, 0);
});

async function connectWhenUp(socket: string) {
  let client: Awaited<ReturnType<typeof connect>> | undefined;
  await waitFor(async () => {
    client = await connect(socket).catch(() => undefined);
    return client !== undefined;
  }, 15_000);
  return client as Awaited<ReturnType<typeof connect>>;
}
