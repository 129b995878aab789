import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type Client, connect } from '../fixtures/client.ts';
import { type RunningDaemon, startDaemon, waitFor } from '../fixtures/daemon.ts';
import { type RedisServer, startRedis } from '../fixtures/redis.ts';
import { createSite, encodePbkdf2, type Person } from '../fixtures/site.ts';

const HOSTS = 8;
const BURST = 20;
const KEY = 'Oochei4aiphoh5-the-key-of-the-fleet-Ahng7eir';

const NAMES = ['alice', 'robert', 'carol', 'Rooph4ei-unusual'];
const PEOPLE: Person[] = NAMES.map((username) => ({
  username,
  encoded: encodePbkdf2(`${username}'s password`, { iterations: 1 }),
}));
const ADDRESS = '198.51.100.77';

interface Host {
  readonly daemon: RunningDaemon;
  readonly client: Client;
  storeUp(): Promise<boolean | null>;
  logged(message: RegExp): number;
}

/** Hosts that serve one site and share one store. */
async function fleet(redis: RedisServer, count = HOSTS, more = '', user = ''): Promise<Host[]> {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-fleet-'));
  const site = createSite(join(directory, 'db.sqlite3'), PEOPLE);
  const file = (name: string, content: string) => {
    writeFileSync(join(directory, name), `${content}\n`);
    chmodSync(join(directory, name), 0o600);
    return join(directory, name);
  };
  const config = `[sites.site]
    database = "${site.url}"
    [hash]
    workers = 1
    [throttle]
    name = ${BURST}
    name_refill = "10m"
    store = "unix://${user}${redis.socket}"
    password_file = "${file('password', redis.password)}"
    key_file = "${file('key', KEY)}"
    ${more}`;
  const hosts: Host[] = [];
  t.teardown(async () => {
    await Promise.all(hosts.map(({ daemon }) => daemon.stop()));
    site.close();
    rmSync(directory, { recursive: true, force: true });
  });
  for (let at = 0; at < count; at++) {
    const daemon = await startDaemon({ config });
    const client = await daemon.connect();
    const control = await connect(daemon.control);
    const storeUp = async () =>
      JSON.parse((await control.ask('status', { format: 'json' })).content.body).throttle.store_up;
    const logged = (message: RegExp) => daemon.lines().filter(({ msg }) => message.test(msg)).length;
    hosts.push({ daemon, client, storeUp, logged });
  }
  await all(hosts, true);
  return hosts;
}

async function all(hosts: readonly Host[], up: boolean): Promise<void> {
  await waitFor(async () => (await Promise.all(hosts.map(({ storeUp }) => storeUp()))).every((each) => each === up));
}

/**
 * How many of so many new guesses at a name were admitted on each host, all hosts at the same time. A few of them are
 * hashed; the hash pool turns away the others, which have been charged.
 */
let guesses = 0;
async function spray(hosts: readonly Host[], name: string, count: number, address = ''): Promise<number[]> {
  return Promise.all(
    hosts.map(async ({ client }) => {
      const answers = [];
      for (let at = 0; at < count; at++) {
        answers.push(client.check(name, `Quohz9-guess-${guesses++}`, { client: { address, service: 'test' } }));
      }
      return (await Promise.all(answers)).filter(({ content }) => content.reason !== 'throttled').length;
    }),
  );
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);

t.test('eight hosts have one budget', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  let seen = '';
  const monitor = spawn('redis-cli', ['-s', redis.socket, 'monitor'], {
    env: { ...process.env, REDISCLI_AUTH: redis.password },
  });
  monitor.stdout.on('data', (chunk) => {
    seen += chunk;
  });
  t.teardown(() => monitor.kill());
  const hosts = await fleet(redis);
  const [first, ...others] = hosts as [Host, ...Host[]];

  const alone = await spray([first], 'alice', 40);
  t.equal(sum(alone), BURST);
  const late = sum(await spray(others, 'alice', 3));
  // On a busy machine an answer may be late, and the guess is admitted by what the host itself has counted.
  t.ok(late <= 10, `${late} of ${3 * others.length} guesses on other hosts were admitted`);

  const together = sum(await spray(hosts, 'robert', 40));
  t.comment(`${HOSTS} hosts at the same time: ${together} guesses admitted, budget ${BURST}`);
  t.ok(together >= BURST && together <= BURST + HOSTS * BURST, `${together} guesses`);
  t.same(sum(await spray(hosts, 'nobody', 40)) >= BURST, true, 'the same for a name that does not exist');

  // A source is shared as well: half the guesses of the default are made on one host and half on others.
  const source = [];
  for (let at = 0; at < 60; at++) source.push(...(await spray([hosts[at % HOSTS] as Host], `user ${at}`, 1, ADDRESS)));
  t.ok(sum(source) >= 50 && sum(source) < 60, `${sum(source)} guesses from one source`);

  for (const { client } of hosts) {
    t.equal((await client.check('carol', "carol's password")).status, 0, 'a newcomer whose name is not attacked');
  }
  await first.client.check('Rooph4ei-unusual', 'Quohz9-guess');
  t.same(sum(await spray([first], 'carol', 40)), BURST, 'grants were given back');

  // Forgiving on one host forgives everywhere; each host forgets what it has counted itself.
  const control = await connect(first.daemon.control);
  t.teardown(() => control.close());
  t.same((await control.ask('flush', { throttle: true, username: Buffer.from('ALICE') })).content, { flushed: 1 });
  t.equal(sum(await spray([others[0] as Host], 'alice', 5)), 5);

  const keys = await redis.cli('--scan');
  t.ok(keys.split('\n').filter((key) => key.startsWith('{djauthd-throttle}:')).length > 5, 'debts are there');
  await waitFor(() => seen.includes('"eval"'));
  for (const text of [...NAMES, 'nobody', ADDRESS, 'Quohz9', "carol's", KEY]) {
    const octets = Buffer.from(text);
    for (const form of [text, octets.toString('hex'), octets.toString('base64').slice(0, -2)]) {
      t.notOk(seen.includes(form) || keys.includes(form), `${text} does not leave the host`);
    }
  }
});

t.test('while the store is away each host counts for itself, and nobody honest is refused', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const hosts = await fleet(redis, 3);
  const AWAY = /the throttle's store is away/;
  const BACK = /the throttle's store answers again/;
  const honest = async () => {
    for (const { client } of hosts) t.equal((await client.check('alice', "alice's password")).status, 0);
  };
  const logged = async (times: number) => {
    for (const host of hosts) {
      await waitFor(() => host.logged(BACK) >= times);
      t.same([host.logged(AWAY), host.logged(BACK)], [times, times], 'each is said once');
    }
  };

  process.kill(redis.pid() as number, 'SIGSTOP');
  for (const { client } of hosts) {
    t.equal((await client.check('robert', "robert's password")).status, 0, 'the first question after it went');
  }
  await all(hosts, false);
  await honest();
  const stopped = await spray(hosts, 'carol', 40);
  t.same(
    stopped,
    hosts.map(() => BURST),
    'one burst for each host',
  );
  process.kill(redis.pid() as number, 'SIGCONT');
  await all(hosts, true);
  await logged(1);

  await redis.kill();
  await all(hosts, false);
  for (const { client } of hosts)
    t.equal((await client.check('Rooph4ei-unusual', "Rooph4ei-unusual's password")).status, 0);
  await redis.start();
  await all(hosts, true);
  await honest();
  await logged(2);
  t.equal(sum(await spray(hosts.slice(0, 1), 'nobody', 40)), BURST);
  t.ok(sum(await spray(hosts.slice(1), 'nobody', 3)) <= 3, 'and the debts are shared again');
});

t.test('a user of the store needs no more rights than docs/security.md says', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const text = readFileSync(join(import.meta.dirname, '../../docs/security.md'), 'utf8');
  const [, listed = ''] = /that may run ((?:`[A-Z]+`|, | and )+) on `\{djauthd-throttle\}:\*`/.exec(text) ?? [];
  const commands = [...listed.matchAll(/[A-Z]+/g)].map(([name]) => `+${name.toLowerCase()}`);
  t.ok(commands.length > 5, listed);
  const user = ['on', `>${redis.password}`, '~{djauthd-throttle}:*', ...commands];
  t.equal((await redis.cli('ACL', 'SETUSER', 'djauthd', ...user)).trim(), 'OK');
  const [host, other] = (await fleet(redis, 2, '', 'djauthd@')) as [Host, Host];
  t.equal((await host.client.check('carol', "carol's password")).status, 0);
  t.equal(sum(await spray([host], 'alice', 40)), BURST);
  t.ok(sum(await spray([other], 'alice', 3)) <= 2);
  const control = await connect(host.daemon.control);
  t.teardown(() => control.close());
  t.ok((await control.ask('flush', { throttle: true })).content.flushed >= 2);
  await waitFor(async () => sum(await spray([other], 'alice', 1)) === 1);
  t.equal(host.logged(/away/) + other.logged(/away/), 0);
  t.notMatch(host.daemon.log(), /NOPERM|INFO/);
});

t.test('a store that cannot be used', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-fleet-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const site = createSite(join(directory, 'db.sqlite3'), PEOPLE);
  writeFileSync(join(directory, 'key'), KEY, { mode: 0o600 });
  const start = (store: string) =>
    startDaemon({
      config: `[sites.site]\ndatabase = "${site.url}"\n[throttle]\nstore = "${store}"\nkey_file = "${directory}/key"`,
    });
  for (const [store, why] of [
    [`unix://${redis.socket}`, /NOAUTH|Authentication required/],
    [`unix://wrong:secretword@${redis.socket}`, /WRONGPASS/],
    [`unix://${directory}/none`, /ENOENT/],
  ] as const) {
    const daemon = await start(store);
    const client = await daemon.connect();
    await waitFor(() => /store is away/.test(daemon.log()));
    t.match(daemon.log(), why);
    t.notMatch(daemon.log(), /secretword/);
    t.equal((await client.check('alice', "alice's password")).status, 0);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    t.equal(daemon.lines().filter(({ msg }) => /store is away/.test(msg)).length, 1, 'it says so once');
    await daemon.stop();
  }
  site.close();
});
