import { createHash } from 'node:crypto';
import pg from 'pg';
import { messageOf } from '../../fault.ts';
import type { Connection } from '../connection-pool.ts';
import type { PreparedStatements } from '../prepared-statements.ts';
import { QueryError } from '../query-error.ts';
import { connect, socketOf } from './connect.ts';
import { isPreparedElsewhere, queryErrorOf } from './errors.ts';
import { ignoredSettings, SESSION_OPTIONS, SESSION_QUERY } from './session.ts';
import type { Settings } from './url.ts';

export interface PostgresConnectionOptions {
  readonly settings: Settings;
  readonly timeoutMs: number;
  readonly prepared: PreparedQuery;
  readonly session: SessionCheck;
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

export function makeConnection(
  { settings, timeoutMs, prepared, session }: PostgresConnectionOptions,
  onEnd: (reason: string) => void,
): Connection {
  const destroyed = new AbortController();
  let client: pg.Client | undefined;
  let bound = false;
  const connected = (): pg.Client => {
    if (client === undefined) throw new Error('not connected');
    return client;
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
      } catch (error) {
        throw queryErrorOf(error, true);
      }
    },

    async query({ sql: text, parameters }) {
      const name = prepared.nameOf(text);
      const values = [...parameters];
      bound = false;
      try {
        return (await connected().query({ text, values, types, ...(name === undefined ? {} : { name }) })).rows;
      } catch (error) {
        if (!isPreparedElsewhere(error)) throw queryErrorOf(error, bound);
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
