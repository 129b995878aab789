import { isDeepStrictEqual } from 'node:util';
import type { Worker } from 'node:worker_threads';
import type { Reply } from '../protocol/reply.ts';
import { BadRequest, type FlushRequest, type Request, type StatusRequest } from '../protocol/request.ts';
import { STATUS } from '../protocol/status.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';
import { type Clock, monotonic } from './clock.ts';
import type { Config, SiteConfig } from './config/schema.ts';
import { groupsPage } from './control/groups.ts';
import { Credentials } from './credential/credential.ts';
import { ProofCache } from './credential/proof-cache.ts';
import { messageOf } from './fault.ts';
import { HashPool } from './hasher/pool.ts';
import { type Log, shortened } from './log/log.ts';
import { buildReport } from './metrics/build-report.ts';
import { Counters } from './metrics/counters.ts';
import type { Report } from './metrics/report.ts';
import { totals } from './metrics/table.ts';
import { choosePbkdf2, describePbkdf2 } from './native/pbkdf2.ts';
import { type Decision, decide, type Pipeline } from './request/decide.ts';
import { type Question, questionOf } from './request/question.ts';
import { decodeTyped } from './request/typed-text.ts';
import { type PassedSockets, SOCKET_NAMES, type SocketName } from './service/socket-activation.ts';
import type { HashBounds } from './site/hash-policy.ts';
import { Site } from './site/site.ts';
import { Listener, type ListenerOptions } from './socket/listener.ts';
import { replyOf } from './socket/reply.ts';
import { statusPage } from './status/page.ts';
import { loadStores } from './store/databases.ts';
import type { OpenStore } from './store/store.ts';
import { VERSION } from './version.ts';

export interface DaemonOptions {
  readonly config: Config;
  readonly log: Log;
  /** Starts a thread that runs `runHashWorker`; `native`: whether it may use the addon for PBKDF2. */
  readonly startWorker: (native: boolean) => Worker;
  /** Reads the configuration anew; throws where it cannot be used. */
  readonly reload: () => Config;
  /** Sockets that listen already, by name. */
  readonly passed?: PassedSockets;
  readonly clock?: Clock;
}

/** What a configuration is turned into; a reload makes another one and lets the old one go. */
interface Running {
  readonly config: Config;
  readonly sites: ReadonlyMap<string, Site>;
  readonly pool: HashPool;
  readonly pipeline: Pipeline;
}

/** The one place where the stages are put together. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #counters = new Counters();
  #pbkdf2 = '';
  readonly #startedAt: number;
  readonly #listeners: Partial<Record<SocketName, Listener>> = {};
  #reloading: Promise<unknown> = Promise.resolve();
  #proofs: ProofCache;
  /** There from the start on. */
  #running!: Running;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#clock = options.clock ?? monotonic;
    this.#startedAt = this.#clock.now();
    this.#proofs = this.#makeProofs(options.config);
  }

  /** Listens. @throws ListenError, or Error where what speaks to a database is not installed */
  async start(): Promise<void> {
    const { config } = this.#options;
    this.#running = this.#make(config, await storesOf(config));
    this.#counters.configure(this.#running.sites.keys());
    await this.#listen(config);
  }

  /**
   * Takes the configuration anew. Sites that did not change keep their connections and caches. Rejects, with everything
   * as it was, where the new configuration cannot be used.
   */
  reload(): Promise<void> {
    const reloaded = this.#reloading.then(() => this.#reload());
    this.#reloading = reloaded.then(
      () => this.#counters.reloads++,
      () => this.#counters.reloadsFailed++,
    ); // one after the other
    return reloaded;
  }

  async #reload(): Promise<void> {
    const config = this.#options.reload();
    const before = this.#running;
    const open = await storesOf(config);
    await this.#listen(config);
    if (!isDeepStrictEqual(config.cache, before.config.cache)) this.#proofs = this.#makeProofs(config);
    this.#running = this.#make(config, open, before);
    this.#counters.configure(this.#running.sites.keys());
    this.#log.level = config.log.level;
    for (const [name, site] of before.sites) {
      if (this.#running.sites.get(name) !== site) this.#retire(site, name, before.config);
    }
    if (this.#running.pool !== before.pool) this.#letGo(() => before.pool.close(), before.config.hash.max_time);
  }

  /** Answers what is in flight, accepts nothing more. */
  async stop(): Promise<void> {
    await Promise.all([this.#listeners.auth?.close(), this.#listeners.control?.close()]);
    await this.#running.pool.close();
    await Promise.all([...this.#running.sites.values()].map((site) => site.store.close()));
  }

  #make(config: Config, open: OpenStore, before?: Running): Running {
    const samePool = before && isDeepStrictEqual(config.hash, before.config.hash);
    const pool = samePool ? before.pool : this.#makePool(config);
    const bounds = samePool
      ? before.pipeline.bounds
      : { seconds: config.hash.max_time / 1000, memory: config.hash.max_memory };
    const sites = new Map<string, Site>();
    for (const [name, siteConfig] of Object.entries(config.sites)) {
      const unchanged =
        before &&
        isDeepStrictEqual(siteConfig, before.config.sites[name]) &&
        isDeepStrictEqual(config.cache, before.config.cache);
      sites.set(name, (unchanged && before.sites.get(name)) || this.#makeSite(name, siteConfig, config, bounds, open));
    }
    const credentials =
      samePool && isDeepStrictEqual(config.cache, before.config.cache)
        ? before.pipeline.credentials
        : new Credentials({ proofs: this.#proofs, pool, known: config.cache.proofs });
    return { config, sites, pool, pipeline: { sites, credentials, bounds } };
  }

  #makeProofs({ cache }: Config): ProofCache {
    return new ProofCache({
      rights: cache.proofs,
      rightTtlMs: cache.proof_ttl,
      wrongs: cache.refusals,
      wrongTtlMs: cache.refusal_ttl,
      clock: this.#clock,
    });
  }

  #makePool({ hash }: Config): HashPool {
    const pbkdf2 = choosePbkdf2(hash.native);
    this.#pbkdf2 = pbkdf2.name;
    this.#log.info(`PBKDF2 is computed by ${describePbkdf2(pbkdf2)}`);
    return new HashPool({
      startWorker: () => this.#options.startWorker(hash.native),
      workers: hash.workers,
      queue: hash.queue,
      clock: this.#clock,
      onTrouble: (message) => this.#log.error(message),
    });
  }

  #makeSite(name: string, siteConfig: SiteConfig, { cache }: Config, bounds: HashBounds, open: OpenStore): Site {
    const { database, timeout, connections, schema } = siteConfig;
    const onTrouble = (message: string) => this.#log.warn({ site: name }, message);
    const store = open(database, { schema, timeoutMs: timeout, connections, onTrouble });
    const site = new Site({
      name,
      store,
      schema,
      hashers: siteConfig.hashers,
      foreignHashers: siteConfig.foreign_hashers,
      bcryptLong: siteConfig.bcrypt_long,
      accountTtlMs: cache.account_ttl,
      accountsMax: cache.accounts,
      clock: this.#clock,
      onUnverifiable: ({ message, ...account }) => this.#log.warn({ site: name, ...account }, message),
    });
    // Not waited for: a site whose database is down must not keep the others from being served.
    Promise.resolve(site.decoys(bounds)).catch((error) =>
      this.#log.error({ site: name }, `the database does not answer: ${messageOf(error)}`),
    );
    return site;
  }

  /** Closes a site's connections when the questions that may be using them are over. */
  #retire(site: Site, name: string, { sites, hash }: Config): void {
    const { timeout = 0 } = sites[name] ?? {};
    this.#letGo(() => site.store.close(), 2 * timeout + hash.max_time);
  }

  #letGo(close: () => Promise<void>, afterMs: number): void {
    setTimeout(() => {
      close().catch((error) => this.#log.warn(`after a reload: ${messageOf(error)}`));
    }, afterMs).unref();
  }

  /** Listens as configured: what is new stands before anything old goes. Rejects with everything as it was. */
  async #listen({ listen }: Config): Promise<void> {
    const common = { maxConnections: listen.max_connections, onMisuse: (message: string) => this.#misuse(message) };
    const passed = this.#options.passed ?? {};
    const wanted: Record<SocketName, ListenerOptions | undefined> = {
      auth: {
        ...common,
        path: listen.socket,
        passed: passed.auth,
        mode: listen.mode,
        group: listen.group,
        answer: (request) => this.#answer(request),
      },
      control:
        listen.control === undefined && passed.control === undefined
          ? undefined
          : {
              ...common,
              path: listen.control ?? '',
              passed: passed.control,
              mode: 0o600,
              group: undefined,
              answer: (request) => this.#control(request),
            },
    };
    const opened: Partial<Record<SocketName, Listener>> = {};
    const kept = SOCKET_NAMES.filter((name) => wanted[name] && this.#listeners[name]?.isAt(wanted[name]));
    try {
      for (const name of SOCKET_NAMES) {
        if (wanted[name] && !kept.includes(name)) opened[name] = await Listener.open(wanted[name]);
      }
      // Last, and the control socket first, whose mode and group never differ: what fails here has changed nothing.
      for (const name of kept.toReversed()) this.#listeners[name]?.adjust(wanted[name] as ListenerOptions);
    } catch (error) {
      await Promise.all(Object.values(opened).map((listener) => listener.close()));
      throw error;
    }
    for (const name of SOCKET_NAMES) {
      const present = this.#listeners[name];
      if (present && wanted[name] && !opened[name]) continue;
      delete this.#listeners[name];
      if (opened[name]) this.#listeners[name] = opened[name];
      void present?.close(); // in its own time: its connections are answered first
    }
  }

  /** Questions, from whoever may open the socket. */
  #answer(request: Request): Reply | Promise<Reply> {
    const now = this.#clock.now();
    switch (request.operation) {
      case 'check':
      case 'authorize':
        return this.#verdict(questionOf(request, now), now);
      case 'ping':
        return pong();
      case 'status':
        return this.#status(request);
      default:
        throw new BadRequest(request.id, `operation "${request.operation}" belongs to the control socket`);
    }
  }

  /** Orders, from the daemon's own user. */
  #control(request: Request): Reply | Promise<Reply> {
    switch (request.operation) {
      case 'ping':
        return pong();
      case 'status':
        return this.#status(request);
      case 'stats':
        return { status: STATUS.granted, content: { stats: totals(this.report()) } };
      case 'flush':
        return this.#flush(request);
      case 'groups':
        return groupsPage(request, this.#running.sites);
      case 'reload':
        return this.reload().then(
          () => ({ status: STATUS.granted, content: {} }),
          (error) => ({ status: STATUS.error, content: { reason: messageOf(error) } }),
        );
      default:
        throw new BadRequest(request.id, `operation "${request.operation}" does not belong to the control socket`);
    }
  }

  #verdict(question: Question, startedAt: number): Reply | Promise<Reply> {
    const conclude = (decision: Decision): Reply => {
      this.#record(question, decision, startedAt, this.#clock.now());
      return replyOf(decision.verdict, question.wantPermissions);
    };
    const decision = decide(question, this.#running.pipeline);
    return decision instanceof Promise ? decision.then(conclude) : conclude(decision);
  }

  #record(question: Question, { verdict, site, cached }: Decision, startedAt: number, now: number): void {
    const ms = now - startedAt;
    const source = question.tooLong ? undefined : !question.password ? 'authorized' : cached ? 'cached' : 'hashed';
    this.#counters.record(site, verdict.kind, source, ms, now);
    const level = verdict.kind === 'error' ? 'error' : verdict.kind === 'busy' ? 'warn' : 'info';
    if (!this.#log.isLevelEnabled(level)) return;
    this.#log[level](
      {
        site: site && shortened(site),
        user: shortened(question.username),
        service: question.client.service,
        address: question.client.address,
        ...(verdict.kind === 'granted' ? {} : { reason: verdict.reason }),
        ms: Math.round(ms * 1000) / 1000,
        cached,
      },
      verdict.kind,
    );
  }

  #misuse(message: string): void {
    this.#counters.badRequests++;
    this.#log.warn(message);
  }

  /** Answers a ping by the way that a client's takes once it has been read. */
  async ping(): Promise<void> {
    await this.#answer({ operation: 'ping', id: 0 });
  }

  /** A snapshot of all figures. */
  report(): Report {
    const { config, pool, sites } = this.#running;
    return buildReport({
      ...{ counters: this.#counters, sites: sites.values(), pool, pbkdf2: this.#pbkdf2 },
      proofs: this.#proofs.size,
      connections: { open: this.#listeners.auth?.connections ?? 0, limit: config.listen.max_connections },
      queueCapacity: config.hash.queue,
      startedAt: this.#startedAt,
      now: this.#clock.now(),
    });
  }

  #status({ format, refresh }: StatusRequest): Reply {
    return { status: STATUS.granted, content: statusPage(this.report(), format, refresh) };
  }

  /** Forgets accounts, of one site or person if so asked; proofs as well, unless it is about one person. */
  #flush({ site, username }: FlushRequest): Reply {
    const known = this.#running.sites;
    const refused = (reason: string): Reply => ({ status: STATUS.error, content: { reason } });
    if (site !== undefined && !known.has(site)) return refused(`site "${shortened(site)}" is not configured`);
    if (site === undefined && username && known.size > 1) {
      return refused(`an account is of one site, and ${known.size} are configured: which one?`);
    }
    const sites = [...this.#running.sites.values()].filter(
      (candidate) => site === undefined || candidate.name === site,
    );
    const name = username && decodeTyped(username);
    const accounts = sites.reduce((sum, candidate) => sum + candidate.accounts.flush(name), 0);
    const proofs = name === undefined && site === undefined ? this.#proofs.flush() : 0;
    return { status: STATUS.granted, content: { flushed: accounts + proofs } };
  }
}

function storesOf({ sites }: Config): Promise<OpenStore> {
  return loadStores(Object.values(sites).map(({ database }) => database));
}

function pong(): Reply {
  return { status: STATUS.granted, content: { server: `djauthd ${VERSION}`, protocol: PROTOCOL_VERSION } };
}
