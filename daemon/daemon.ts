import type { Worker } from 'node:worker_threads';
import { type Clock, monotonic } from './clock.ts';
import type { Config } from './config/schema.ts';
import { answerOn, type Operated } from './control/operations.ts';
import { EpochFiles } from './epoch/epoch.ts';
import { messageOf } from './fault.ts';
import { type Builders, Generation, type Surroundings } from './generation.ts';
import type { Log } from './log/log.ts';
import { Observer } from './log/observer.ts';
import { buildReport } from './metrics/build-report.ts';
import { Counters } from './metrics/counters.ts';
import type { Report } from './metrics/report.ts';
import type { MemorySource } from './proof/memory-source.ts';
import { decide } from './request/decide.ts';
import { LeavingQueue, leavesAt } from './request/leaving.ts';
import type { Decision, Question } from './request/question.ts';
import { openFilesProblem } from './service/open-files.ts';
import type { ActivatedSockets, SocketName } from './service/socket-activation.ts';
import { Allow } from './socket/allow.ts';
import { type PeerAnswer, socketListeners, unappliedKeys } from './socket/front-end.ts';
import { Limits } from './socket/limits.ts';
import { ListenError } from './socket/listener.ts';
import { type Peer, type Peers, systemPeers } from './socket/peer.ts';
import { StatusPages } from './status/pages.ts';

export interface DaemonOptions {
  readonly config: Config;
  readonly log: Log;
  /** Starts a thread that runs `runHashWorker`; `native`: whether it may use the addon for PBKDF2. */
  readonly startWorker: (native: boolean) => Worker;
  /** Reads the configuration again; throws if it cannot be used. */
  readonly readConfig: () => Config;
  /** Sockets that systemd opened. */
  readonly activated?: ActivatedSockets;
  /** Where the memory of proofs comes from, if it is to outlive a restart. */
  readonly source?: MemorySource;
  /** Told when a reload begins and when it is over. */
  readonly notifier?: { reloading(): void; ready(): void };
  readonly clock?: Clock;
  /** For tests: tells who has connected. */
  readonly peers?: Peers;
  /** For tests: makes the parts of a generation. */
  readonly builders?: Partial<Builders>;
}

/** Starts, reloads, stops: puts the stages together and one generation in place of another. */
export class Daemon implements Operated {
  readonly #options: DaemonOptions;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #counters = new Counters();
  /** What all connections share. */
  readonly limits = new Limits();
  readonly #observer: Observer;
  readonly #peers: Peers;
  #allow!: Allow;
  readonly statusPages: Readonly<Record<SocketName, StatusPages>>;
  readonly #answers: Readonly<Record<SocketName, PeerAnswer>>;
  readonly #surroundings: Surroundings;
  readonly epoch: EpochFiles;
  /** Denials of every generation and front end. */
  readonly #leaving: LeavingQueue<Decision>;
  /** The start and the reloads, one after the other. */
  #turn: Promise<void> = Promise.resolve();
  /** Undefined until `start` has built it. */
  #generation!: Generation;
  /** Generations that still answer questions. */
  readonly #releasing = new Set<Promise<void>>();
  #stopping = false;

  constructor(options: DaemonOptions) {
    const { log, startWorker, builders, source, activated = {}, clock = monotonic, peers = systemPeers } = options;
    this.#peers = peers;
    this.#options = options;
    this.#log = log;
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#observer = new Observer(log, this.#counters);
    // Whoever may open the control socket may read names.
    const nameless = new StatusPages(() => this.report(false), clock);
    const named = new StatusPages(() => this.report(true), clock, 0);
    this.statusPages = { auth: nameless, hooks: nameless, control: named };
    this.#leaving = new LeavingQueue(clock);
    this.#answers = {
      auth: answerOn('auth', this),
      hooks: answerOn('hooks', this),
      control: answerOn('control', this),
    };
    const frontEnd = {
      activated,
      limits: this.limits,
      readPeer: this.#peers.read,
      allow: () => this.#allow,
      answers: this.#answers,
      onMisuse: (message: string, peer: Peer | undefined) => this.#observer.misused(message, peer),
      onTrouble: (message: string) => log.warn(message),
    };
    this.epoch = new EpochFiles({ onTrouble: (message) => log.warn(message) });
    this.#surroundings = {
      ...{ log, clock, startWorker, epoch: this.epoch },
      listeners: (config) => socketListeners(config, frontEnd),
      ...(source === undefined ? {} : { source }),
      ...(builders === undefined ? {} : { builders }),
    };
  }

  /** Listens. @throws ListenError, or Error if the driver of a database cannot be loaded */
  start(): Promise<void> {
    return this.#next(() => this.#replace(this.#options.config));
  }

  /**
   * Reads the configuration again and puts a new generation in place of the present one. Sites that did not change keep
   * their connections and caches. Rejects, with everything as it was, if the new configuration cannot be used.
   */
  reload(): Promise<void> {
    return this.#next(() => this.#reload());
  }

  /** Answers what is in flight and accepts nothing more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.epoch.close(); // no lease outlives the daemon
    await this.#turn;
    const generation: Generation | undefined = this.#generation;
    if (generation) this.#release(generation);
    while (this.#releasing.size > 0) await Promise.all(this.#releasing);
  }

  /** The present generation. */
  get generation(): Generation {
    return this.#generation;
  }

  /** The configuration in force. */
  get config(): Config {
    const generation: Generation | undefined = this.#generation;
    return generation?.config ?? this.#options.config;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  now(): number {
    return this.#clock.now();
  }

  decide(question: Question, startedAt: number): Decision | Promise<Decision> {
    const generation = this.#generation;
    const decision = decide(question, generation.pipeline);
    if (!(decision instanceof Promise)) return this.#decided(question, decision, startedAt);
    return generation.during(decision).then((late) => this.#decided(question, late, startedAt));
  }

  /** Records a decision and holds it if it is a denial. What the log says of its time is the work, not the hold. */
  #decided(question: Question, decision: Decision, arrivedAt: number): Decision | Promise<Decision> {
    const decidedAt = this.#clock.now();
    this.#observer.decided(question, decision, arrivedAt, decidedAt);
    // A client that vouches for a user is told about the account; there is nothing to hide from it.
    if (decision.verdict.kind !== 'denied' || question.evidence.kind === 'vouched') return decision;
    const { denial_grid: gridMs, denial_hold: holdMs } = this.config.hash;
    if (gridMs === 0) return decision;
    const { hashed } = decision;
    const { deadlineAt } = question;
    const at = leavesAt({ arrivedAt, decidedAt, deadlineAt, hashed }, { gridMs, holdMs });
    return this.#leaving.hold(decision, arrivedAt, at);
  }

  /** Answers as a client's ping is answered once it has been read. */
  async ping(): Promise<void> {
    await this.#answers.auth({ operation: 'ping', id: 0 }, undefined, undefined);
  }

  leasesOn(socket: SocketName): boolean {
    return this.epoch.isShownOn(socket);
  }

  get hasHooksSocket(): boolean {
    return this.config.listen.hooks !== undefined || this.#options.activated?.hooks !== undefined;
  }

  /** A snapshot of all figures. @param names whether to show throttled usernames; of known accounts only */
  report(names = false): Report {
    const { config, pool, sites, pbkdf2, proofs, throttle } = this.#generation;
    const shows = (site: string, name: string) => names && sites.get(site)?.accounts.recall(name) != null;
    return buildReport({
      ...{ counters: this.#counters, sites: sites.values(), pool, pbkdf2: pbkdf2.name },
      proofs: proofs.size,
      throttle: throttle.report(shows),
      connections: { open: this.#generation.connections('auth'), limit: config.listen.max_connections },
      queueCapacity: config.hash.queue,
      startedAt: this.#startedAt,
      now: this.#clock.now(),
    });
  }

  /** Runs `step` when all earlier ones are over. */
  #next(step: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(step);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #reload(): Promise<void> {
    const { readConfig, notifier, activated = {} } = this.#options;
    if (!this.#stopping) notifier?.reloading();
    try {
      if (this.#stopping) throw new Error('the daemon is stopping');
      const config = readConfig();
      const unapplied = unappliedKeys(config, this.#generation.config, activated);
      await this.#replace(config);
      for (const key of unapplied) this.#log.warn(`${key} has no effect: systemd opened the socket, change its unit`);
      this.#observer.reloaded(Object.keys(config.sites));
    } catch (error) {
      this.#observer.reloadFailed(error);
      throw error;
    } finally {
      if (!this.#stopping) notifier?.ready();
    }
  }

  async #replace(config: Config): Promise<void> {
    const previous: Generation | undefined = this.#generation;
    const allow = allowOf(config, this.#clock, this.#peers);
    const next = await Generation.prepare(config, previous, this.#surroundings);
    if (this.#stopping) {
      await next.abandon();
      throw new Error('the daemon is stopping');
    }
    this.#generation = next;
    this.#counters.configure(next.sites.keys());
    this.#log.level = config.log.level;
    this.#observer.configure(config.log);
    this.#allow = allow;
    this.limits.octets = config.listen.in_flight;
    next.commit();
    this.epoch.configure(next.leasedSockets);
    const { max_connections } = config.listen;
    const problem =
      max_connections === previous?.config.listen.max_connections ? undefined : openFilesProblem(max_connections);
    if (problem) this.#log.warn(problem);
    const nameless = previous === undefined ? this.#peers.problem() : undefined;
    if (nameless) this.#log.warn(nameless);
    if (previous) this.#release(previous, next);
  }

  #release(generation: Generation, next?: Generation): void {
    const released = generation.release(next).finally(() => this.#releasing.delete(released));
    this.#releasing.add(released);
  }
}

/** @throws ListenError: a daemon that cannot tell who asks must not answer as if it could */
function allowOf(config: Config, clock: Clock, peers: Peers): Allow {
  try {
    const allow = new Allow(config, clock);
    const problem = allow.isSet ? peers.problem() : undefined;
    if (problem !== undefined) throw new Error(`listen.allow cannot be applied: ${problem}`);
    return allow;
  } catch (error) {
    throw new ListenError(messageOf(error));
  }
}
