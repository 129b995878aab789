import { EventEmitter } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import t, { type Test } from 'tap';
import type { Account } from '../../daemon/account/account.ts';
import { parseConfig } from '../../daemon/config/config.ts';
import { Daemon } from '../../daemon/daemon.ts';
import type { Builders } from '../../daemon/generation.ts';
import { HashPool } from '../../daemon/hasher/pool.ts';
import type { HashQuestion } from '../../daemon/hasher/worker.ts';
import { createLog } from '../../daemon/log/log.ts';
import { Listener } from '../../daemon/socket/listener.ts';
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

/** A hash worker in this process: "secret" is the password. */
class FakeWorker extends EventEmitter {
  postMessage({ password, encoded }: HashQuestion): void {
    const matches = encoded === ENCODED && Buffer.from(password).equals(Buffer.from('secret'));
    setImmediate(() => this.emit('message', { matches }));
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
    return username === 'alice' ? ACCOUNT : null;
  }
  async accountById(): Promise<Account | null> {
    return ACCOUNT;
  }
  async sample(): Promise<string[]> {
    return [ENCODED];
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
  sockets(): object;
}

const BASE = '[listen]\nsocket = "{}/auth"\ncontrol = "{}/control"\n';
const SITES = '[sites.one]\ndatabase = "sqlite:///one"\n[sites.two]\ndatabase = "sqlite:///two"\n';

async function world(t: Test, text = BASE + SITES): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-g-'));
  const config = (source: string) => parseConfig(source.replaceAll('{}', directory), 'test.toml');
  const stores: FakeStore[] = [];
  const pools: World['pools'] = [];
  const lines: string[] = [];
  const steps: string[] = [];
  const clients: Client[] = [];
  let next = text;
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
      const pool = new HashPool({ startWorker, workers: hash.workers, queue: hash.queue, clock, onTrouble: () => {} });
      const entry = { pool, closed: false };
      const close = pool.close.bind(pool);
      pool.close = () => {
        entry.closed = true;
        return close();
      };
      pools.push(entry);
      return pool;
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
  const log = createLog('info', { write: (line: string) => lines.push(JSON.parse(line).msg) });
  const daemon = new Daemon({
    config: config(next),
    log,
    readConfig: () => {
      step('read the configuration');
      return config(next);
    },
    startWorker: () => new FakeWorker() as unknown as Worker,
    builders,
  });
  await daemon.start();
  const auth = join(directory, 'auth');
  t.teardown(async () => {
    for (const client of clients) client.close();
    await daemon.stop();
    rmSync(directory, { recursive: true });
  });
  return {
    ...{ daemon, directory, auth, stores, pools, log: lines, steps },
    configure(source) {
      next = source;
    },
    failAt(number) {
      failing = number;
      steps.length = 0;
    },
    async connect(path = auth) {
      const client = await connect(path);
      clients.push(client);
      return client;
    },
    sockets: () =>
      Object.fromEntries(
        readdirSync(directory).map((name) => {
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
    t.same(w.sockets(), {});
    t.ok(w.stores.every(({ closed }) => closed));
  });
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
