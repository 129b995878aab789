import pg from 'pg';
import { messageOf } from '../../fault.ts';
import { guard } from './driver-guard.ts';
import type { SessionAttributes } from './parameters.ts';
import { passwordFor } from './password-file.ts';
import { tlsOptionsOf } from './tls.ts';
import type { Host, Settings } from './url.ts';

export interface ConnectOptions {
  readonly applicationName: string;
  readonly statementTimeoutMs: number;
  /** The startup options of the session, which go before those of the URL and make it read-only. */
  readonly startup: string;
  /** The limit for all hosts together, in ms. */
  readonly timeoutMs: number;
  /** Closes what is open and ends the attempt. */
  readonly signal?: AbortSignal;
}

/**
 * Connects to the first host that answers and has the session attributes that the URL demands, with TLS as its `sslmode`
 * says. As in libpq, the next host is tried where a host cannot be reached, is starting up, or has other attributes; an
 * error of TLS or authentication is final. Of several hosts, each may take its share of the time that is left.
 */
export async function connect(settings: Settings, options: ConnectOptions): Promise<pg.Client> {
  const deadline = performance.now() + options.timeoutMs;
  const hosts = settings.shuffle ? shuffled(settings.hosts) : settings.hosts;
  const { sessionAttributes } = settings;
  const passes: readonly SessionAttributes[] =
    sessionAttributes === 'prefer-standby' ? ['standby', 'any'] : [sessionAttributes];
  const failures = new Map<Host, Error>();
  for (const wanted of passes) {
    const candidates = hosts.filter((host) => !(failures.get(host) instanceof Unreachable));
    for (const [index, host] of candidates.entries()) {
      options.signal?.throwIfAborted();
      const attempt = new Attempt(host, settings, options);
      const share = (deadline - performance.now()) / (candidates.length - index);
      attempt.limit(Math.min(hosts.length > 1 ? share : Number.POSITIVE_INFINITY, settings.connectTimeoutMs ?? share));
      try {
        return await attempt.run(wanted);
      } catch (error) {
        const isFinal = !(error instanceof Unreachable || error instanceof OtherAttributes);
        if (isFinal) throw hosts.length > 1 ? prefixed(host, error) : error;
        failures.set(host, error);
      } finally {
        attempt.release();
      }
    }
  }
  if (hosts.length === 1) {
    const [failure] = failures.values();
    throw failure instanceof Unreachable ? failure.cause : failure;
  }
  const causes = [...failures.values()].map((failure) => (failure instanceof Unreachable ? failure.cause : failure));
  const messages = [...failures].map(([host, error]) => `${host.name}:${host.port}: ${messageOf(error)}`);
  throw new AggregateError(causes, messages.join('; '));
}

/** The host cannot be reached, or cannot take connections now. The cause is the original error. */
class Unreachable extends Error {}

/** The session has other attributes than those demanded. */
class OtherAttributes extends Error {}

/** Connecting to one host. */
class Attempt {
  readonly #host: Host;
  readonly #settings: Settings;
  readonly #options: ConnectOptions;
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Why the attempt was ended from outside. */
  #stopped: Error | undefined;

  constructor(host: Host, settings: Settings, options: ConnectOptions) {
    this.#host = host;
    this.#settings = settings;
    this.#options = options;
    options.signal?.addEventListener('abort', this.#abort);
  }

  limit(ms: number): void {
    if (ms === Number.POSITIVE_INFINITY) return;
    const late = Object.assign(new Error(`no answer within ${Math.round(ms)} ms`), { code: 'ETIMEDOUT' });
    const stop = () => this.#stop(late);
    this.#timer = setTimeout(stop, Math.max(0, ms));
  }

  /** The session is either returned or over. */
  release(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#abort);
  }

  async run(wanted: SessionAttributes): Promise<pg.Client> {
    try {
      // The daemon's own sessions are always read-only: these attributes are those of a session without its options.
      const probes = wanted === 'read-write' || wanted === 'read-only';
      const client = await this.#open(!probes);
      if (wanted === 'any') return client;
      const problem = await problemOf(client, wanted);
      if (problem === undefined && !probes) return client;
      await client.end();
      if (problem !== undefined) throw new OtherAttributes(problem);
      return await this.#open(true);
    } catch (error) {
      if (this.#client) socketOf(this.#client).destroy();
      if (this.#stopped) throw new Unreachable(this.#stopped.message, { cause: this.#stopped });
      if (error instanceof OtherAttributes || !isUnreachable(error)) throw error;
      throw new Unreachable(messageOf(error), { cause: error });
    }
  }

  readonly #abort = (): void => this.#stop(new Error('the attempt was given up'));

  #stop(reason: Error): void {
    this.#stopped = reason;
    if (this.#client) socketOf(this.#client).destroy(reason);
  }

  /** Connects, with the second of the mode's two kinds of connection where the first one fails. */
  async #open(withOptions: boolean): Promise<pg.Client> {
    const { mode } = this.#settings.tls;
    const isSocket = this.#host.address.startsWith('/'); // TLS is not used there, whatever the mode
    if (isSocket || mode === 'disable') return this.#connect(false, withOptions);
    if (mode !== 'allow' && mode !== 'prefer') return this.#connect(true, withOptions);
    const tlsFirst = mode === 'prefer';
    let first: unknown;
    try {
      return await this.#connect(tlsFirst, withOptions);
    } catch (error) {
      // As libpq: `allow` tries TLS where the server refuses, `prefer` does without where TLS fails or the server refuses.
      const refused = error instanceof pg.DatabaseError && error.code !== '57P03';
      if (this.#stopped || !(refused || (tlsFirst && !isNetworkError(error)))) throw error;
      first = error;
    }
    try {
      return await this.#connect(!tlsFirst, withOptions);
    } catch (error) {
      const [withTls, without] = tlsFirst ? [first, error] : [error, first];
      if (error instanceof Error && messageOf(first) !== messageOf(error)) {
        error.message = `with TLS: ${messageOf(withTls)}; without TLS: ${messageOf(without)}`;
      }
      throw error;
    }
  }

  async #connect(tls: boolean, withOptions: boolean): Promise<pg.Client> {
    const { user, database, options: given, applicationName, tls: settings } = this.#settings;
    const { startup, statementTimeoutMs } = this.#options;
    const { address, port, name } = this.#host;
    const client = new pg.Client({
      host: address,
      port,
      database,
      user,
      password: () => this.#password(),
      ssl: tls ? tlsOptionsOf(settings, name) : false,
      ...(tls && settings.direct ? { sslnegotiation: 'direct' } : {}),
      application_name: applicationName ?? this.#options.applicationName,
      statement_timeout: statementTimeoutMs,
      keepAlive: true,
      options: [given, withOptions ? startup : undefined].filter(Boolean).join(' '),
    });
    guard(client);
    client.on('error', () => {}); // connect() and query() reject with it
    this.#client = client;
    if (this.#stopped) throw this.#stopped;
    await client.connect();
    return client;
  }

  /** Called when the server asks for a password. */
  #password(): string {
    const password = this.#settings.password ?? passwordFor(this.#host, this.#settings);
    if (password !== undefined) return password;
    throw new Error('the server asks for a password, but there is none: set password_file, or passfile in the URL');
  }
}

const IN_RECOVERY = 'SELECT pg_catalog.pg_is_in_recovery() AS standby';
const READ_ONLY_BY_DEFAULT = "pg_catalog.current_setting('default_transaction_read_only') = 'on' AS read_only";

/** Why a session has not the attributes wanted, in libpq's words; undefined if it has. */
async function problemOf(client: pg.Client, wanted: SessionAttributes): Promise<string | undefined> {
  const { rows } = await client.query<{ standby: boolean; read_only: boolean }>(
    `${IN_RECOVERY}, ${READ_ONLY_BY_DEFAULT}`,
  );
  const [{ standby, read_only } = { standby: true, read_only: true }] = rows;
  switch (wanted) {
    case 'primary':
      return standby ? 'server is in hot standby mode' : undefined;
    case 'standby':
      return standby ? undefined : 'server is not in hot standby mode';
    case 'read-write':
      return standby || read_only ? 'session is read-only' : undefined;
    case 'read-only':
      return standby || read_only ? undefined : 'session is not read-only';
    default:
      return undefined;
  }
}

/** `end()` waits for the server, which may never answer. */
export function socketOf(client: pg.Client): { destroy(reason?: Error): void } {
  return (client as unknown as { connection: { stream: { destroy(reason?: Error): void } } }).connection.stream;
}

const NETWORK_ERRORS: readonly unknown[] = [
  ...['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ETIMEDOUT', 'EADDRNOTAVAIL'],
  ...['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ENOENT', 'EACCES'], // no such name; the socket's file
];

/** Whether there was no server to talk to. */
function isNetworkError(error: unknown): boolean {
  return NETWORK_ERRORS.includes((error as { code?: unknown }).code);
}

/** Whether another host may do better. 57P03: the server is starting up or shutting down. */
function isUnreachable(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return error.code === '57P03';
  const lost = (error as { code?: unknown }).code === 'ECONNRESET' || /Connection terminated/.test(messageOf(error));
  return lost || isNetworkError(error);
}

function prefixed(host: Host, error: unknown): unknown {
  if (error instanceof Error) error.message = `${host.name}:${host.port}: ${error.message}`;
  return error;
}

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, rank: Math.random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ value }) => value);
}
