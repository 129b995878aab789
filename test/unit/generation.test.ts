import { EventEmitter } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { stringify } from 'smol-toml';
import t, { type Test } from 'tap';
import type { Account } from '../../daemon/account/account.ts';
import { readConfig } from '../../daemon/config/config.ts';
import { sectionsOf } from '../../daemon/config/key.ts';
import { keys } from '../../daemon/config/keys.ts';
import { Daemon } from '../../daemon/daemon.ts';
import type { Builders } from '../../daemon/generation.ts';
import { HashPool } from '../../daemon/hasher/pool.ts';
import type { HashQuestion } from '../../daemon/hasher/worker.ts';
import { createLog } from '../../daemon/log/log.ts';
import type { ActivatedSockets } from '../../daemon/service/socket-activation.ts';
import { Listener } from '../../daemon/socket/listener.ts';
import { NO_RIGHTS } from '../../daemon/store/rights.ts';
import type { Store, StoreOptions } from '../../daemon/store/store.ts';
import { type Client, connect } from '../fixtures/client.ts';
import { waitFor } from '../fixtures/daemon.ts';

/** The fake hash worker knows one password. */
const ENCODED = 'pbkdf2_sha256$1$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';

const ACCOUNT: Account = {
  id: '1',
  username: 'alice',
  encoded: ENCODED,
  active: true,
  staff: false,
  superuser: false,
  email: '',
  firstName: '',
  lastName: '',
  groups: [],
  permissions: new Set(),
};

/** Accounts whose hashes cost something, by their username. */
const COSTLY: Record<string, string> = {
  slow: 'pbkdf2_sha256$600000$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  big: `scrypt$16384$salt$8$1$${'A'.repeat(86)}==`,
};

/** A hash worker in this process: "secret" is the password. */
class FakeWorker extends EventEmitter {
  postMessage(questions: readonly HashQuestion[]): void {
    const answers = questions.map(({ password, encoded }) => ({
      matches: encoded === ENCODED && Buffer.from(password).equals(Buffer.from('secret')),
    }));
    setImmediate(() => this.emit('message', answers));
  }
  async terminate(): Promise<void> {
    this.emit('exit', 1);
  }
  ref(): void {}
  unref(): void {}
}

/** A store whose answers a test can hold back. */
class FakeStore implements Store {
  readonly name: string;
  readonly url: string;
  readonly options: StoreOptions;
  /** Waits before each answer. */
  hold: Promise<void> = Promise.resolve();
  reads = 0;
  closed = false;

  constructor(url: string, options: StoreOptions) {
    this.name = url;
    this.url = url;
    this.options = options;
  }
  async accountByName(username: string): Promise<Account | null> {
    this.reads++;
    await this.hold;
    if (this.closed) throw new Error('the store is closed');
    if (username in COSTLY) return { ...ACCOUNT, id: username, username, encoded: COSTLY[username] as string };
    return username === 'alice' ? ACCOUNT : null;
  }
  async accountById(): Promise<Account | null> {
    return ACCOUNT;
  }
  async sample() {
    return { encoded: [ENCODED], last: undefined };
  }
  async rights() {
    return NO_RIGHTS;
  }
  async memberships(): Promise<undefined> {
    return undefined;
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}

interface World {
  readonly daemon: Daemon;
  readonly directory: string;
  readonly auth: string;
  readonly stores: FakeStore[];
  readonly pools: { pool: HashPool; closed: boolean }[];
  /** The URLs of the throttle's stores that were connected to, and `disconnected`. */
  readonly throttleStores: string[];
  /** The messages of the log. */
  readonly log: string[];
  /** Sets the text of the next configuration; `{}` stands for the directory. */
  configure(text: string): void;
  /** The steps of the next `prepare`, of which the one with this number fails; 0: none does. */
  failAt(step: number): void;
  /** What the steps since `failAt` were. */
  readonly steps: string[];
  connect(path?: string): Promise<Client>;
  /** What a client can see of the sockets. */
  sockets(): Record<string, object>;
  level(): string;
}

interface WorldOptions {
  readonly activated?: ActivatedSockets;
  /** Where the sockets are. */
  readonly directory?: string;
  /** false: the test starts the daemon. */
  readonly start?: boolean;
}

const BASE = '[listen]\nsocket = "{}/auth"\ncontrol = "{}/control"\n';
const SITES = '[sites.one]\ndatabase = "sqlite:///one"\n[sites.two]\ndatabase = "sqlite:///two"\n';

async function world(t: Test, text = BASE + SITES, options: WorldOptions = {}): Promise<World> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'djauthd-g-'));
  const file = `${directory}.toml`;
  const configure = (source: string) => writeFileSync(file, source.replaceAll('{}', directory));
  const stores: FakeStore[] = [];
  const pools: World['pools'] = [];
  const lines: string[] = [];
  const steps: string[] = [];
  const clients: Client[] = [];
  const throttleStores: string[] = [];
  let failing = 0;
  const step = (name: string) => {
    steps.push(name);
    if (steps.length === failing) throw new Error(`injected at ${name}`);
  };
  const builders: Builders = {
    async loadStores() {
      step('load the stores');
      return (url, options) => {
        step(`open ${url}`);
        const store = new FakeStore(url, options);
        stores.push(store);
        return store;
      };
    },
    makePool(hash, { clock }) {
      step('make the hash pool');
      const startWorker = () => new FakeWorker() as unknown as Worker;
      const { workers, queue, max_wait: maxWaitMs } = hash;
      const pool = new HashPool({ startWorker, workers, queue, maxWaitMs, clock, onTrouble: () => {} });
      const entry = { pool, closed: false };
      const close = pool.close.bind(pool);
      pool.close = () => {
        entry.closed = true;
        return close();
      };
      pools.push(entry);
      return pool;
    },
    connectStore(url) {
      step(`connect to ${url}`);
      throttleStores.push(url);
      const never = () => new Promise<never>(() => {});
      return { on() {}, eval: never, del: never, scan: never, disconnect: () => throttleStores.push('disconnected') };
    },
    async openListener(options) {
      step(`listen on ${options.name}`);
      const listener = await Listener.open(options);
      const change = listener.changeAccess.bind(listener);
      listener.changeAccess = (changed) => {
        step(`before the access to ${changed.name} is changed`);
        const undo = change(changed);
        try {
          step(`after the access to ${changed.name} is changed`);
        } catch (error) {
          undo(); // as changeAccess itself promises
          throw error;
        }
        return undo;
      };
      return listener;
    },
  };
  configure(text);
  const log = createLog('info', { write: (line: string) => lines.push(JSON.parse(line).msg) });
  const daemon = new Daemon({
    peers: { problem: () => undefined, read: () => ({ pid: 1, uid: 4711, gids: [] }) },
    config: readConfig(file),
    log,
    readConfig: () => {
      step('read the configuration');
      return readConfig(file);
    },
    startWorker: () => new FakeWorker() as unknown as Worker,
    builders,
    activated: options.activated ?? {},
  });
  if (options.start !== false) await daemon.start();
  const auth = join(directory, 'auth');
  t.teardown(async () => {
    for (const client of clients) client.close();
    await daemon.stop();
    rmSync(directory, { recursive: true, force: true });
    rmSync(file, { force: true });
  });
  return {
    ...{ configure, daemon, directory, auth, stores, pools, throttleStores, log: lines, steps },
    failAt(number) {
      failing = number;
      steps.length = 0;
    },
    async connect(path = auth) {
      const client = await connect(path);
      clients.push(client);
      return client;
    },
    level: () => log.level,
    sockets: () =>
      Object.fromEntries(
        readdirSync(directory)
          .filter((name) => !name.endsWith('.epoch')) // they stay, for those who have them mapped
          .map((name) => {
            const { ino, mode, gid } = statSync(join(directory, name));
            return [name, { ino, mode, gid }];
          }),
      ),
  };
}

const grants = async (client: Client, site = 'one') => (await client.check('alice', 'secret', { site })).status === 0;

t.test('a reload that fails at any step changes nothing', async (t) => {
  // Each part is changed by one of them: shared, replaced, added and removed.
  const reloads = {
    'sites and sockets': `${BASE.replace('/control', '/other')}mode = "0600"\ngroup = "1"\n[sites.one]
database = "sqlite:///one"\n[sites.two]\ndatabase = "sqlite:///elsewhere"\n[sites.three]\ndatabase = "sqlite:///three"
[log]\nlevel = "silent"`,
    'the auth socket elsewhere, another hash pool': `${BASE.replace('/auth', '/other')}${SITES}[hash]\nworkers = 7`,
    'caches, without a control socket': `[listen]\nsocket = "{}/auth"\n${SITES}[cache]\naccounts = 7`,
  };
  for (const [name, text] of Object.entries(reloads)) {
    await t.test(name, async (t) => {
      const w = await world(t);
      const client = await w.connect();
      t.ok(await grants(client));
      t.ok(await grants(client, 'two'));
      w.configure(text);
      const before = {
        sockets: w.sockets(),
        generation: w.daemon.generation,
        level: w.log.length,
        stores: w.stores.length,
        pools: w.pools.length,
        hashes: w.daemon.report().hashing.computed,
        reads: w.stores.reduce((sum, { reads }) => sum + reads, 0),
      };
      const failed: string[] = [];
      for (let number = 1; ; number++) {
        w.failAt(number);
        const outcome = await w.daemon.reload().catch((error: Error) => error.message);
        if (w.steps.length < number) break; // it had fewer steps, and none failed
        const where = w.steps.at(-1) as string;
        failed.push(where);
        t.equal(outcome, `injected at ${where}`);
        t.equal(w.log.at(-1), `reload failed, keeping the current configuration: injected at ${where}`);
        t.equal(w.daemon.generation, before.generation, `${where}: the generation`);
        t.same(w.sockets(), before.sockets, `${where}: the sockets`);
        t.ok(await grants(client), `${where}: an open connection`);
        t.ok(await grants(client, 'two'));
        t.ok(await grants(await w.connect()), `${where}: a new connection`);
        t.equal(w.daemon.report().hashing.computed, before.hashes, `${where}: proofs are kept`);
        t.notOk(
          w.stores.slice(0, before.stores).some(({ closed }) => closed),
          `${where}: stores in use stay open`,
        );
        t.notOk(
          w.stores.slice(before.stores).some(({ closed }) => !closed),
          `${where}: new ones are closed again`,
        );
        t.notOk(
          w.pools.slice(0, before.pools).some(({ closed }) => closed),
          `${where}: the pool in use stays`,
        );
        t.notOk(
          w.pools.slice(before.pools).some(({ closed }) => !closed),
          `${where}: a new one is closed again`,
        );
      }
      t.comment(failed.join(', '));
      t.ok(failed.length >= 5, `${failed.length} steps failed, one at a time`);
      t.match(w.daemon.report().reloads, { failed: failed.length, succeeded: 1 });
      t.not(w.daemon.generation, before.generation, 'and without a failure it is in force');
    });
  }
});

t.test('what a reload does not change is shared', async (t) => {
  const w = await world(t);
  const client = await w.connect();
  t.ok(await grants(client));
  const { sites, pool, proofs } = w.daemon.generation;
  const sockets = w.sockets();
  w.configure(`${BASE}${SITES.replace('/two', '/elsewhere')}[sites.three]\ndatabase = "sqlite:///three"\n`);
  await w.daemon.reload();
  const next = w.daemon.generation;
  t.equal(w.log.at(-1), 'configuration reloaded');
  t.equal(next.sites.get('one'), sites.get('one'));
  t.not(next.sites.get('two'), sites.get('two'));
  t.equal(next.pool, pool);
  t.equal(next.proofs, proofs);
  t.same(w.sockets(), sockets);
  const [one, two, ...others] = w.stores;
  await waitFor(() => two?.closed === true);
  t.notOk(one?.closed);
  t.same(
    others.map(({ url, closed }) => [url, closed]),
    [
      ['sqlite:///elsewhere', false],
      ['sqlite:///three', false],
    ],
  );
  t.ok(await grants(client, 'three'), 'a new site, on a connection that was open before');
  await w.daemon.stop();
  t.ok(w.stores.every(({ closed }) => closed) && w.pools.every(({ closed }) => closed), 'stop closes everything');
});

t.test('a part is closed when its last question is answered', async (t) => {
  const w = await world(t);
  const client = await w.connect();
  let release = () => {};
  const two = w.stores[1] as FakeStore;
  two.hold = new Promise((resolve) => {
    release = resolve;
  });
  const late = client.check('alice', 'secret', { site: 'two' });
  await waitFor(() => two.reads === 1);
  // The site of the question is shared with the second generation and gone from the third, which has no questions.
  w.configure(`${BASE}${SITES}[sites.three]\ndatabase = "sqlite:///three"`);
  await w.daemon.reload();
  w.configure(`${BASE}[sites.one]\ndatabase = "sqlite:///one"\n[hash]\nworkers = 7`);
  await w.daemon.reload();
  await waitFor(() => w.stores[2]?.closed === true);
  t.equal((await client.check('alice', 'secret', { site: 'two' })).status, 4, 'no new question reaches the site');
  t.same([two.closed, w.pools[0]?.closed], [false, false], 'the site and the hash pool of a question in flight');
  release();
  t.equal((await late).status, 0, 'it is answered as if nothing had happened');
  await waitFor(() => two.closed && w.pools[0]?.closed === true);
  t.equal(w.stores[0]?.closed, false);
});

t.test('stop', async (t) => {
  t.test('waits for the questions of earlier generations too', async (t) => {
    const w = await world(t);
    const client = await w.connect();
    let release = () => {};
    (w.stores[1] as FakeStore).hold = new Promise((resolve) => {
      release = resolve;
    });
    const late = client.check('alice', 'secret', { site: 'two' });
    await waitFor(() => w.stores[1]?.reads === 1);
    w.configure(`${BASE.replace('/auth', '/other')}[sites.one]\ndatabase = "sqlite:///one"`);
    await w.daemon.reload();
    let stopped = false;
    const stop = w.daemon.stop().then(() => {
      stopped = true;
    });
    await t.rejects(w.connect(join(w.directory, 'other')), 'no new connection is accepted');
    t.notOk(stopped);
    release();
    t.equal((await late).status, 0);
    await stop;
    t.same(w.sockets(), {});
  });

  t.test('a reload that is under way is given up', async (t) => {
    const w = await world(t);
    w.configure(`${BASE.replace('/auth', '/other')}${SITES}`);
    const reload = w.daemon.reload().catch((error: Error) => error.message);
    await w.daemon.stop();
    t.equal(await reload, 'the daemon is stopping');
    t.equal(await w.daemon.reload().catch((error: Error) => error.message), 'the daemon is stopping');
    t.equal(w.log.at(-1), 'reload failed, keeping the current configuration: the daemon is stopping');
    t.same(w.sockets(), {});
    t.ok(w.stores.every(({ closed }) => closed));
  });
});

t.test('a daemon that is stopped while it starts', async (t) => {
  const w = await world(t);
  await w.daemon.stop();
  const again = await world(t, BASE + SITES, { directory: w.directory, start: false });
  const start = again.daemon.start().catch((error: Error) => error.message);
  await again.daemon.stop();
  t.equal(await start, 'the daemon is stopping');
  t.same(again.sockets(), {});
  t.ok(again.stores.every(({ closed }) => closed));
});

t.test('clients that connect before a generation is committed are served by it', async (t) => {
  const w = await world(t);
  w.configure(`${BASE.replace('/auth', '/early')}${SITES}[cache]\naccounts = 9`);
  const early = join(w.directory, 'early');
  const reload = w.daemon.reload();
  await waitFor(() => existsSync(early));
  const client = await w.connect(early);
  t.ok(await grants(client));
  await reload;
});

/** Every key, such as `sites.*.timeout`. */
const ALL_KEYS = sectionsOf(keys).flatMap(({ path, keys }) => keys.map(({ name }) => [...path, name].join('.')));

/** What is different after a reload that changes a key. */
type Effect = (w: World) => unknown;

const numbers = new WeakMap<object, number>();
let count = 0;
/** Tells an object from every other. */
function identityOf(object: object | undefined): number | undefined {
  if (object === undefined) return undefined;
  if (!numbers.has(object)) numbers.set(object, count++);
  return numbers.get(object);
}

const socketsOf: Effect = (w) => w.sockets();
const site: Effect = ({ daemon }) => identityOf(daemon.generation.sites.get('one'));
const proofs: Effect = ({ daemon }) => ({ ...daemon.generation.tables.keys, account_ttl: 0, accounts: 0 });
const pool: Effect = ({ daemon }) => identityOf(daemon.generation.pool);
/** What the newest store was opened with. */
const store: Effect = ({ stores }) => stores.at(-1)?.url && { ...stores.at(-1), ...stores.at(-1)?.options };
const statusOf = (username: string) => async (w: World) => (await (await w.connect()).check(username, 'secret')).status;

/** The throttle stays, its limits change. */
const throttle: Effect = ({ daemon }) => ({ ...daemon.generation.throttle.limits });
/** The statuses of what a peer asks. */
const allowed: Effect = async (w) => {
  const client = await w.connect();
  return [(await client.ask('ping')).status, (await client.check('alice', 'secret', { site: 'one' })).status];
};

/** A value of each key that is not the one in TABLES, and what a reload makes of it. */
const CHANGES: Readonly<Record<string, readonly [value: unknown, effect: Effect, beside?: object]>> = {
  'listen.socket': ['{}/moved', socketsOf],
  'listen.mode': ['0600', socketsOf],
  'listen.group': [`${process.getgroups?.().find((gid) => gid !== process.getegid?.()) ?? 1}`, socketsOf],
  'listen.control': ['{}/moved', socketsOf],
  'listen.max_connections': [
    1,
    async (w) => {
      const clients = await Promise.all([w.connect(), w.connect()]);
      const pings = await Promise.allSettled(clients.map((client) => client.ask('ping')));
      for (const client of clients) client.close();
      await waitFor(() => w.daemon.report().connections.open === 0);
      return pings.map(({ status }) => status);
    },
  ],
  'listen.hooks': ['{}/moved', socketsOf],
  'listen.hooks_mode': ['0600', socketsOf],
  'listen.hooks_group': [`${process.getgroups?.().find((gid) => gid !== process.getegid?.()) ?? 1}`, socketsOf],
  'listen.idle': ['7s', ({ daemon }) => daemon.config.listen.idle],
  'listen.allow.user': [[12345], allowed],
  'listen.allow.group': [[12345], ({ daemon }) => daemon.config.listen.allow],
  'listen.allow.operations': [['check'], allowed],
  'listen.allow.sites': [[], allowed],
  'listen.allow.rate': [7, ({ daemon }) => daemon.config.listen.allow],
  'listen.in_flight': ['2MiB', ({ daemon }) => daemon.limits.inFlight.limit],
  'sites.*.database': ['sqlite:///elsewhere', store],
  'sites.*.password_file': ['{}.password', store],
  'sites.*.timeout': ['7s', store],
  'sites.*.connections': [7, store],
  'sites.*.listen': [true, site],
  'sites.*.listen_url': ['postgres:///b', site, { listen: true }],
  'sites.*.listen_ttl': ['7s', site],
  'sites.*.listen_fallback': ['7s', site],
  'sites.*.hashers': [['argon2'], site],
  'sites.*.foreign_hashers': [['custom'], site],
  'sites.*.bcrypt_long': ['refuse', site],
  'sites.*.username_match': ['iexact', site],
  'cache.account_ttl': ['7s', site],
  'cache.lease': ['7s', ({ daemon }) => daemon.generation.pipeline.leasing.maxMs],
  'cache.stale_if_error': ['7s', site],
  'cache.stale_authorize': [true, site],
  'cache.accounts': [7, site],
  'cache.proofs': [7, proofs],
  'cache.proof_ttl': ['7s', proofs],
  'cache.refusals': [7, proofs],
  'cache.refusal_ttl': ['7s', proofs],
  'cache.keep': [false, proofs],
  'throttle.enabled': [false, throttle],
  'throttle.name': [7, throttle],
  'throttle.name_refill': ['7s', throttle],
  'throttle.source': [7, throttle],
  'throttle.source_refill': ['7s', throttle],
  'throttle.site': [7, throttle],
  'throttle.site_refill': ['7s', throttle],
  'throttle.penalty': ['7s', throttle],
  'throttle.exempt': [['192.0.2.0/24'], throttle],
  'throttle.store': ['unix:///elsewhere', (w) => [...w.throttleStores], { key_file: '{}.key' }],
  'throttle.password_file': [
    '{}.password',
    (w) => [...w.throttleStores],
    { store: 'unix:///elsewhere', key_file: '{}.key' },
  ],
  'throttle.key_file': ['{}.key', ({ daemon }) => daemon.config.throttle.key, { store: 'unix:///elsewhere' }],
  'hash.workers': [7, pool],
  'hash.queue': [7, pool],
  'hash.max_wait': ['7s', pool],
  'hash.max_time': ['1ms', statusOf('slow')],
  'hash.max_memory': ['1KiB', statusOf('big')],
  'hash.denial_grid': ['7ms', ({ daemon }) => daemon.config.hash.denial_grid],
  'hash.denial_hold': ['7ms', ({ daemon }) => daemon.config.hash.denial_hold],
  'hash.native': [false, pool],
  'shutdown.grace': ['7s', ({ daemon }) => daemon.config.shutdown.grace],
  'log.level': ['warn', (w) => w.level()],
  'log.unknown_names': ['full', ({ daemon }) => daemon.config.log],
  'log.lines': [7, ({ daemon }) => daemon.config.log],
};

/** A configuration in which every key of `sites.*.schema` is written. */
function tables(): Record<string, unknown> {
  const result = {
    listen: { socket: '{}/auth', control: '{}/control', hooks: '{}/hooks', allow: [{ user: [4711] }] },
    sites: { one: { database: 'postgres:///a' } },
  };
  for (const { path, keys: own, array } of sectionsOf(keys)) {
    if (path[2] !== 'schema' || own.length === 0) continue;
    const section = Object.fromEntries(own.map(({ name }) => [name, `a_${name}`]));
    put(result, named(path), array ? [section] : section);
  }
  return result;
}

/** The path of a key of the site `one`. */
function named(path: readonly string[]): string[] {
  return path.map((name) => (name === '*' ? 'one' : name));
}

/** Sets what a path leads to; of an array of tables it is the first that is meant. */
function put(into: object, path: readonly string[], value: unknown): void {
  let table = into as Record<string, unknown>;
  for (const name of path.slice(0, -1)) {
    table[name] ??= {};
    table = (Array.isArray(table[name]) ? table[name][0] : table[name]) as Record<string, unknown>;
  }
  const last = path.at(-1) as string;
  table[last] = Array.isArray(value)
    ? value
    : typeof value === 'object'
      ? { ...value, ...(table[last] as object) }
      : value;
}

t.test('the store of the throttle is kept, and closed when nothing uses it', async (t) => {
  const section = (name: number) => `[throttle]\nname = ${name}\nstore = "unix:///a"\nkey_file = "{}.key"\n`;
  const one = '[listen]\nsocket = "{}/auth"\n[sites.one]\ndatabase = "postgres:///a"\n';
  const w = await world(t, one);
  writeFileSync(`${w.directory}.key`, 'k'.repeat(32), { mode: 0o600 });
  t.teardown(() => rmSync(`${w.directory}.key`));
  const reload = async (text: string) => {
    w.configure(one + text);
    await w.daemon.reload();
    return w.throttleStores.splice(0);
  };
  t.same(await reload(section(7)), ['unix:///a']);
  t.same(await reload(section(8)), [], 'other limits use the same connection');
  t.same(await reload(''), ['disconnected']);
});

t.test('every key of the configuration is reloaded', async (t) => {
  const schema = (key: string) => key.startsWith('sites.*.schema.');
  t.same(
    Object.keys(CHANGES).sort(),
    ALL_KEYS.filter((key) => !schema(key)).sort(),
    'CHANGES has an entry for every key',
  );
  for (const key of ALL_KEYS) {
    const [value, effect, beside] = CHANGES[key] ?? ['b_changed', store];
    await t.test(key, async (t) => {
      const w = await world(t, stringify(tables()));
      writeFileSync(`${w.directory}.password`, 'secret', { mode: 0o600 });
      writeFileSync(`${w.directory}.key`, 'k'.repeat(32), { mode: 0o600 });
      const before = await effect(w);
      const changed = tables();
      if (beside) put(changed, named(key.split('.').slice(0, -1)), beside);
      put(changed, named(key.split('.')), value);
      w.configure(stringify(changed));
      await w.daemon.reload();
      t.strictNotSame(await effect(w), before);
      rmSync(`${w.directory}.password`);
      rmSync(`${w.directory}.key`);
    });
  }
});
