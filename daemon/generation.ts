import { isDeepStrictEqual } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { boottime, type Clock, monotonic } from './clock.ts';
import type { Config, SiteConfig } from './config/schema.ts';
import type { Epoch, LeasedSocket } from './epoch/epoch.ts';
import { createVerifiers } from './evidence/kinds.ts';
import { messageOf } from './fault.ts';
import { HashPool } from './hasher/pool.ts';
import type { Log } from './log/log.ts';
import { choosePbkdf2, describePbkdf2, type Implementation, pbkdf2Pairs } from './native/pbkdf2.ts';
import { Greylist } from './proof/greylist.ts';
import type { MemorySource } from './proof/memory-source.ts';
import { PasswordProofs } from './proof/password-proofs.ts';
import type { ProofCache } from './proof/proof-cache.ts';
import { ProofTables } from './proof/proof-tables.ts';
import type { Returning } from './proof/returning.ts';
import { Deadlines } from './request/deadlines.ts';
import type { Pipeline } from './request/decide.ts';
import { Shared } from './shared.ts';
import { hashPolicyOf } from './site/hash-policy.ts';
import { type ListenOptions, Site } from './site/site.ts';
import { Listener, type ListenerOptions } from './socket/listener.ts';
import { loadStores } from './store/databases.ts';
import type { OpenStore } from './store/store.ts';
import { limitsOf } from './throttle/limits.ts';
import { connectRedis } from './throttle/redis-client.ts';
import { type RedisClient, SharedDebts } from './throttle/shared-debts.ts';
import { type StoreAddress, storeAddressOf } from './throttle/store-url.ts';
import { Throttle } from './throttle/throttle.ts';

/** What all generations of a daemon have in common. */
export interface Surroundings {
  readonly log: Log;
  readonly clock: Clock;
  /** Starts a thread that runs `runHashWorker`; `native`: whether it may use the addon for PBKDF2. */
  readonly startWorker: (native: boolean) => Worker;
  /** The sockets that a configuration asks for, of every front end. */
  readonly listeners: (config: Config) => readonly ListenerOptions[];
  /** Raised when accounts are forgotten: a lease does not outlive that. */
  readonly epoch: Epoch;
  /** Where the memory of proofs comes from, if it is to outlive a restart. */
  readonly source?: MemorySource;
  /** What makes the parts; a test puts failing ones in its place. */
  readonly builders?: Partial<Builders>;
}

export interface Builders {
  /** @throws Error, a sentence, if the driver of a database cannot be loaded */
  loadStores(urls: readonly string[]): Promise<OpenStore>;
  makePool(config: Config['hash'], surroundings: Surroundings): HashPool;
  /** Connects to the throttle's store, in the background. @throws Error if the client cannot be loaded */
  connectStore(url: string): RedisClient;
  /** @throws ListenError */
  openListener(options: ListenerOptions): Promise<Listener>;
}

const BUILDERS: Builders = { loadStores, makePool, connectStore: connectRedis, openListener: Listener.open };

/** What a generation may hand on to the next one. */
interface Parts {
  readonly config?: Config;
  readonly pool?: Shared<HashPool>;
  readonly pbkdf2?: Implementation;
  readonly tables?: ProofTables;
  readonly greylist?: Greylist;
  readonly pipeline?: Pipeline;
  readonly throttle?: Throttle;
  readonly sharedDebts?: Shared<SharedDebts> | undefined;
  readonly sites: ReadonlyMap<string, SitePart>;
  readonly listeners: ReadonlyMap<string, Listener>;
}

/** A site, and the one that opened the connections that it uses: the same unless [hash] was changed since. */
interface SitePart {
  readonly site: Site;
  readonly opener: Shared<Site>;
}

const NO_PARTS: Parts = { sites: new Map(), listeners: new Map() };

/**
 * Everything built from one configuration. `prepare` builds the parts and may fail; `commit` puts them to use and
 * cannot; `release` closes what the next generation did not take over. What the new configuration does not change is
 * shared with the previous generation: sites keep their connections and accounts, listeners their clients.
 */
export class Generation {
  readonly config: Config;
  readonly sites = new Map<string, Site>();
  tables!: ProofTables;
  greylist!: Greylist;
  pool!: HashPool;
  pbkdf2!: Implementation;
  pipeline!: Pipeline;
  throttle!: Throttle;
  #sharedDebts: Shared<SharedDebts> | undefined;

  readonly #surroundings: Surroundings;
  readonly #builders: Builders;
  /** The previous generation's parts, until this one is committed or abandoned. */
  #before: Parts;
  readonly #siteParts = new Map<string, SitePart>();
  #sharedPool!: Shared<HashPool>;
  readonly #acquired: Shared<unknown>[] = [];
  readonly #listeners = new Map<string, Listener>();
  readonly #listenerOptions: readonly ListenerOptions[];
  /** Puts back the modes and groups of sockets that both generations listen on. */
  readonly #undo: (() => void)[] = [];
  #inFlight = 0;
  #onIdle: (() => void) | undefined;
  #released = false;

  private constructor(config: Config, previous: Generation | undefined, surroundings: Surroundings) {
    this.config = config;
    this.#before = previous?.parts ?? NO_PARTS;
    this.#surroundings = surroundings;
    this.#builders = { ...BUILDERS, ...surroundings.builders };
    this.#listenerOptions = surroundings.listeners(config);
  }

  /**
   * Builds everything, sockets included. Rejects, with the previous generation and its sockets as they were, if the
   * configuration cannot be used.
   */
  static async prepare(
    config: Config,
    previous: Generation | undefined,
    surroundings: Surroundings,
  ): Promise<Generation> {
    const generation = new Generation(config, previous, surroundings);
    try {
      await generation.#build();
    } catch (error) {
      await generation.abandon();
      throw error;
    }
    return generation;
  }

  /** Puts the parts to use. Does not throw. */
  commit(): void {
    const { log } = this.#surroundings;
    this.throttle.configure(limitsOf(this.config.throttle), this.#sharedDebts?.value);
    for (const options of this.#listenerOptions) this.#listeners.get(options.name)?.configure(options);
    if (this.#before.tables) this.tables.configure(this.config.cache);
    if (this.#sharedPool !== this.#before.pool) {
      log.info(`PBKDF2 is computed by ${describePbkdf2(this.pbkdf2)}`);
    }
    for (const { opener } of this.#siteParts.values()) opener.value.listen();
    for (const [name, site] of this.sites) {
      site.store.reopen(); // of a site that was not changed
      if (site === this.#before.sites.get(name)?.site) continue;
      // Not awaited: a site whose database is down must not keep the others from being served.
      site.sample().catch((error) => {
        if (!this.#released) log.error({ site: name }, `the database does not answer: ${messageOf(error)}`);
      });
    }
    this.#before = NO_PARTS;
  }

  /** Undoes `prepare`. Does not reject. */
  async abandon(): Promise<void> {
    for (const undo of this.#undo.reverse()) undo();
    const { listeners } = this.#before;
    this.#before = NO_PARTS;
    await this.#close(listeners);
  }

  /**
   * Closes the listeners that `next` did not take over, and, when the last question of this generation is answered, the
   * other parts that no generation uses any more. Does not reject.
   */
  async release(next?: Generation): Promise<void> {
    this.#released = true;
    await this.#close((next?.parts ?? NO_PARTS).listeners);
  }

  /** Counts work that uses the parts of this generation: until it is over, `release` closes none of them. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#inFlight++;
    try {
      return await work;
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#onIdle?.();
    }
  }

  /** What the next generation may take over. */
  get parts(): Parts {
    const { config, pbkdf2, tables, greylist, pipeline, throttle } = this;
    return {
      config,
      pbkdf2,
      tables,
      greylist,
      pipeline,
      throttle,
      sharedDebts: this.#sharedDebts,
      pool: this.#sharedPool,
      sites: this.#siteParts,
      listeners: this.#listeners,
    };
  }

  get proofs(): ProofCache {
    return this.tables.proofs;
  }

  get returning(): Returning {
    return this.tables.returning;
  }

  /** Open connections of a listener; 0 if there is none of that name. */
  connections(listener: string): number {
    return this.#listeners.get(listener)?.connections ?? 0;
  }

  /** The sockets on which leases can be given; none where the configuration gives no leases. */
  get leasedSockets(): LeasedSocket[] {
    const { lease, account_ttl } = this.config.cache;
    if (lease === 0 || account_ttl === 0) return [];
    return [...this.#listeners]
      .filter(([name]) => name !== 'control')
      .map(([name, listener]) => ({ name, path: listener.path }));
  }

  async #build(): Promise<void> {
    const { config } = this;
    const openStore = await this.#builders.loadStores(Object.values(config.sites).map(({ database }) => database));
    this.#buildPipeline();
    for (const [name, siteConfig] of Object.entries(config.sites)) this.#buildSite(name, siteConfig, openStore);
    for (const options of this.#listenerOptions) await this.#buildListener(options);
    // Last, because only this touches what is in use: after it nothing but itself can fail.
    for (const options of this.#listenerOptions) {
      const listener = this.#listeners.get(options.name);
      if (listener && listener === this.#before.listeners.get(options.name))
        this.#undo.push(listener.changeAccess(options));
    }
  }

  #buildPipeline(): void {
    const { config } = this;
    const before = this.#before;
    const sameHash = isDeepStrictEqual(config.hash, before.config?.hash);
    this.#sharedPool = this.#acquire((sameHash && before.pool) || this.#makePool());
    this.pool = this.#sharedPool.value;
    this.pbkdf2 = (sameHash && before.pbkdf2) || choosePbkdf2(config.hash.native);
    this.tables = before.tables ?? this.#makeTables();
    this.greylist = before.greylist ?? new Greylist({ clock: this.#surroundings.clock });
    const { proofs, returning, greylist, pool } = this;
    const verifiers =
      (sameHash && before.pipeline?.verifiers) ||
      createVerifiers(new PasswordProofs({ proofs, returning, greylist, pool }));
    // What is owed stays over reloads; `commit` puts changed limits in force.
    this.throttle = before.throttle ?? new Throttle(this.#surroundings.clock, limitsOf(config.throttle), greylist);
    const sameStore = isDeepStrictEqual(storeOf(config), before.config && storeOf(before.config));
    const sharedDebts = sameStore ? before.sharedDebts : this.#makeSharedDebts();
    this.#sharedDebts = sharedDebts && this.#acquire(sharedDebts);
    const deadlines = before.pipeline?.deadlines ?? new Deadlines({ clock: this.#surroundings.clock });
    const leasing = { maxMs: config.cache.lease, epoch: this.#surroundings.epoch };
    this.pipeline = { sites: this.sites, verifiers, admission: this.throttle, deadlines, leasing };
  }

  #makePool(): Shared<HashPool> {
    const pool = this.#builders.makePool(this.config.hash, this.#surroundings);
    return new Shared(pool, () => pool.close());
  }

  #makeTables(): ProofTables {
    const { log, clock, source } = this.#surroundings;
    const { cache } = this.config;
    const onNote = (message: string) => log.info(message);
    return new ProofTables({ cache, clock, source, onNote, onTrouble: (message) => log.warn(message) });
  }

  /** Connects in the background: a store that is away keeps nobody from being served. */
  #makeSharedDebts(): Shared<SharedDebts> | undefined {
    const { store, key } = this.config.throttle;
    if (store === undefined || key === undefined) return undefined;
    const { name } = storeAddressOf(store) as StoreAddress;
    const debts = new SharedDebts({
      name,
      connect: () => this.#builders.connectStore(store),
      key,
      log: this.#surroundings.log,
    });
    return new Shared(debts, () => debts.close());
  }

  #buildSite(name: string, siteConfig: SiteConfig, openStore: OpenStore): void {
    const { config, sites } = this.#before;
    const unchanged =
      isDeepStrictEqual(siteConfig, config?.sites[name]) && isDeepStrictEqual(this.config.cache, config?.cache);
    const before = unchanged ? sites.get(name) : undefined;
    const opener = this.#acquire(before?.opener ?? this.#makeSite(name, siteConfig, openStore));
    const former = before?.site ?? opener.value;
    const samePolicy = before === undefined || isDeepStrictEqual(this.config.hash, config?.hash);
    const site = samePolicy ? former : former.withPolicy(hashPolicyOf(siteConfig, this.config.hash));
    this.#siteParts.set(name, { site, opener });
    this.sites.set(name, site);
  }

  #makeSite(name: string, siteConfig: SiteConfig, openStore: OpenStore): Shared<Site> {
    const { log, clock, epoch } = this.#surroundings;
    const { cache } = this.config;
    const { database, timeout, connections, schema } = siteConfig;
    const onTrouble = (message: string) => log.warn({ site: name }, message);
    const listen = listenOptionsOf(name, siteConfig, cache, log);
    const listenUrl = listen && (siteConfig.listen_url ?? database);
    const store = openStore(database, { schema, timeoutMs: timeout, connections, listenUrl, onTrouble });
    const site = new Site({
      name,
      store,
      schema,
      policy: hashPolicyOf(siteConfig, this.config.hash),
      accountTtlMs: cache.account_ttl,
      staleMs: cache.stale_if_error,
      staleAuthorize: cache.stale_authorize,
      onForgotten: () => epoch.raise(),
      accountsMax: cache.accounts,
      clock,
      // Tests have one clock for everything.
      accountClock: clock === monotonic ? boottime : clock,
      listen,
      onUnverifiable: ({ message, ...account }) => log.warn({ site: name, ...account }, message),
    });
    return new Shared(site, () => site.close());
  }

  async #buildListener(options: ListenerOptions): Promise<void> {
    const present = this.#before.listeners.get(options.name);
    const listener = present?.isAt(options) ? present : await this.#builders.openListener(options);
    this.#listeners.set(options.name, listener);
  }

  #acquire<T>(part: Shared<T>): Shared<T> {
    this.#acquired.push(part.acquire());
    return part;
  }

  /** Closes what no other generation has: of the listeners those that are not `kept`. */
  async #close(kept: ReadonlyMap<string, Listener>): Promise<void> {
    const others = new Set(kept.values());
    const closing = [...this.#listeners.values()].filter((listener) => !others.has(listener));
    await this.#settle(closing.map((listener) => listener.close()));
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#settle(this.#acquired.splice(0).map((part) => part.release()));
  }

  async #settle(closing: readonly Promise<void>[]): Promise<void> {
    for (const outcome of await Promise.allSettled(closing)) {
      if (outcome.status === 'rejected') this.#surroundings.log.warn(`cannot close: ${messageOf(outcome.reason)}`);
    }
  }
}

/** undefined: accounts are as young as `cache.account_ttl` says. With 0 nothing is kept that could be forgotten. */
function listenOptionsOf(
  site: string,
  config: SiteConfig,
  cache: Config['cache'],
  log: Log,
): ListenOptions | undefined {
  const fallbackMs = Math.min(config.listen_fallback, cache.account_ttl);
  if (!config.listen || fallbackMs === 0) return undefined;
  return {
    ttlMs: Math.max(config.listen_ttl, fallbackMs),
    fallbackMs,
    onChange(hears, reason) {
      if (hears) log.info({ site }, 'changes of accounts are heard');
      else
        log.warn(
          { site },
          `changes of accounts are not heard, accounts are read again each ${fallbackMs} ms: ${reason}`,
        );
    },
  };
}

/** What a connection to the throttle's store depends on. */
function storeOf({ throttle }: Config): unknown {
  return [throttle.store, throttle.key];
}

function makePool(hash: Config['hash'], { log, clock, startWorker }: Surroundings): HashPool {
  return new HashPool({
    startWorker: () => startWorker(hash.native),
    workers: hash.workers,
    queue: hash.queue,
    maxWaitMs: hash.max_wait,
    pairs: pbkdf2Pairs,
    clock,
    onTrouble: (message) => log.error(message),
  });
}
