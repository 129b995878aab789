import { createHash } from 'node:crypto';
import pg from 'pg';
import { messageOf } from '../../fault.ts';
import type { Connection } from '../connection-pool.ts';
import type { PreparedStatements } from '../prepared-statements.ts';
import { QueryError } from '../query-error.ts';
import { connect, socketOf } from './connect.ts';
import { isPreparedElsewhere, queryErrorOf } from './errors.ts';
import { ignoredSettings, SESSION_OPTIONS, SESSION_QUERY } from './session.ts';
import type { Standbys } from './standbys.ts';
import type { Settings } from './url.ts';

export interface PostgresConnectionOptions {
  readonly settings: Settings;
  readonly timeoutMs: number;
  readonly prepared: PreparedQuery;
  readonly session: SessionCheck;
  /** Where it is to be known which connections lead to a standby. */
  readonly standbys: Standbys | undefined;
}

/**
 * The account query, prepared once for each connection: the server parses and plans it only then.
 *
 * Its name is a digest of its text. A pooler may share the connection with other clients that prepare statements of
 * their own: whatever has this name is this statement.
 */
export class PreparedQuery {
  readonly statements: PreparedStatements;
  readonly #name: string;
  readonly #text: string;

  constructor(text: string, statements: PreparedStatements) {
    this.#name = `djauthd_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
    this.#text = text;
    this.statements = statements;
  }

  /** The name under which to prepare a statement; undefined if it is not to be prepared. */
  nameOf(text: string): string | undefined {
    return this.statements.enabled && text === this.#text ? this.#name : undefined;
  }
}

/** Reports once that a pooler ignored the startup options: nothing else can be done about it from here. */
export class SessionCheck {
  readonly #timeoutMs: number;
  readonly #onTrouble: (message: string) => void;
  #reported = false;

  constructor(timeoutMs: number, onTrouble: (message: string) => void) {
    this.#timeoutMs = timeoutMs;
    this.#onTrouble = onTrouble;
  }

  async run(client: pg.Client): Promise<void> {
    if (this.#reported) return;
    const { rows } = await client.query(SESSION_QUERY);
    const ignored = ignoredSettings(rows[0], this.#timeoutMs);
    if (ignored.length === 0) return;
    this.#reported = true;
    this.#onTrouble(`a pooler ignored settings of the session; set them by ALTER ROLE … SET: ${ignored.join(', ')}`);
  }
}

/** Usernames that a column of text, numbers or UUIDs can hold, one of dates, and one of addresses. */
const PROBES = ['0'.repeat(32), '2000-01-01', '127.0.0.1'];

export function makeConnection(
  { settings, timeoutMs, prepared, session, standbys }: PostgresConnectionOptions,
  onEnd: (reason: string) => void,
): Connection {
  const destroyed = new AbortController();
  let client: pg.Client | undefined;
  let bound = false;
  const connected = (): pg.Client => {
    if (client === undefined) throw new Error('not connected');
    return client;
  };

  const execute = async (text: string, parameters: readonly unknown[]): Promise<unknown[]> => {
    const name = prepared.nameOf(text);
    bound = false;
    const query = { text, values: [...parameters], types, ...(name === undefined ? {} : { name }) };
    return (await connected().query(query)).rows;
  };

  /**
   * An error that may be about the username also arises from a constant in a view or a policy while the server plans the
   * query, for every username. Only if the same query succeeds for a probe is it the username that has no account.
   */
  const queryErrorFor = async (error: unknown, sql: string, parameters: readonly unknown[]): Promise<QueryError> => {
    const classified = queryErrorOf(error, bound);
    if (classified.class !== 'no_account') return classified;
    for (const probe of parameters.length === 1 ? PROBES : []) {
      const succeeded = await execute(sql, [probe]).then(
        () => true,
        () => false,
      );
      if (succeeded) return classified;
    }
    return new QueryError('fault', classified.message);
  };

  return {
    async connect() {
      try {
        const opened = await connect(settings, {
          applicationName: 'djauthd',
          statementTimeoutMs: timeoutMs,
          startup: SESSION_OPTIONS,
          timeoutMs,
          signal: destroyed.signal,
        });
        client = opened;
        // The driver may emit this more than once and between queries; without a listener it would end the daemon.
        opened.on('error', (error) => onEnd(messageOf(error)));
        opened.on('end', () => onEnd('the server closed it'));
        internals(opened).connection.on('bindComplete', () => {
          bound = true;
        });
        await session.run(opened);
        await standbys?.add(opened);
      } catch (error) {
        throw queryErrorOf(error, true);
      }
    },

    async query({ sql, parameters }) {
      try {
        if (standbys !== undefined && standbys.open > 0) await standbys.check(connected());
        return await execute(sql, parameters);
      } catch (error) {
        if (!isPreparedElsewhere(error)) throw await queryErrorFor(error, sql, parameters);
        prepared.statements.disable('a pooler seems to be in use');
        throw new QueryError('transient', messageOf(error));
      }
    },

    end: async () => connected().end(),

    destroy() {
      destroyed.abort();
      if (client) socketOf(client).destroy();
    },
  };
}

const BIGINT = pg.types.builtins.INT8;

/** A bigint is a number: the driver returns it as text. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === BIGINT ? BigInt : pg.types.getTypeParser(oid, format)),
};

interface Internals {
  readonly connection: {
    /** Once the server has read the parameters of a query. */
    on(event: 'bindComplete', listener: () => void): void;
  };
}

function internals(client: pg.Client): Internals {
  return client as unknown as Internals;
}
