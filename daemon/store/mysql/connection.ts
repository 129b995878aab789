import { promisify } from 'node:util';
import type { Connection as Client, RowDataPacket } from 'mysql2';
import { messageOf } from '../../fault.ts';
import type { Connection } from '../connection-pool.ts';
import type { PreparedStatements } from '../prepared-statements.ts';
import { QueryError } from '../query-error.ts';
import { connect, destroy } from './connect.ts';
import { mayBeAboutParameter, queryErrorOf, unpreparable } from './errors.ts';
import type { Settings } from './url.ts';

export interface MysqlConnectionOptions {
  readonly settings: Settings;
  readonly timeoutMs: number;
  /** The statements that set up the session. */
  readonly session: readonly string[];
  readonly prepared: PreparedStatements;
}

/** A username that every column can be compared with. */
const PROBE = 'x';

type Done = (error: Error | null) => void;

export function makeConnection(
  { settings, timeoutMs, session, prepared }: MysqlConnectionOptions,
  onEnd: (reason: string) => void,
): Connection {
  const destroyed = new AbortController();
  let client: Client | undefined;
  const connected = (): Client => {
    if (client === undefined) throw new Error('not connected');
    return client;
  };

  const execute = (text: string, parameters: readonly unknown[]): Promise<unknown[]> =>
    new Promise((resolve, reject) => {
      const done = (error: Error | null, rows: RowDataPacket[]) => (error ? reject(error) : resolve(rows));
      if (prepared.enabled) connected().execute<RowDataPacket[]>(text, [...parameters] as string[], done);
      else connected().query<RowDataPacket[]>(withLiterals(text, parameters), done);
    });

  const executeAnyway = async (text: string, parameters: readonly unknown[]): Promise<unknown[]> => {
    try {
      return await execute(text, parameters);
    } catch (error) {
      const reason = unpreparable(error);
      if (reason === undefined) throw error;
      prepared.disable(reason);
      return execute(text, parameters);
    }
  };

  return {
    async connect() {
      try {
        const options = {
          supportBigNumbers: true, // ids beyond 2^53 arrive as text
          connectTimeout: timeoutMs,
          connectAttributes: { program_name: 'djauthd' },
        };
        const opened = await connect(settings, options, destroyed.signal);
        client = opened;
        // The driver may emit this more than once and between queries; without a listener it would end the daemon.
        opened.on('error', (error) => onEnd(messageOf(error)));
        opened.on('end', () => onEnd('the server closed it'));
        for (const statement of session) await promisify((done: Done) => opened.query(statement, done))();
      } catch (error) {
        throw queryErrorOf(error);
      }
    },

    async query({ sql, parameters }) {
      try {
        return await executeAnyway(sql, parameters);
      } catch (error) {
        if (!mayBeAboutParameter(error, parameters)) throw queryErrorOf(error);
        await executeAnyway(sql, [PROBE]).catch(() => {
          throw queryErrorOf(error);
        });
        throw new QueryError('no_account', messageOf(error));
      }
    },

    end: promisify((done: Done) => connected().end((error) => done(error))),

    destroy() {
      destroyed.abort();
      if (client) destroy(client);
    },
  };
}

/**
 * The statement with its parameters as hexadecimal literals: no sql_mode and no character set reads them in another
 * way, as it might a quotation mark or a backslash. Question marks in names and texts are no parameters.
 */
export function withLiterals(text: string, parameters: readonly unknown[]): string {
  let index = 0;
  return text.replace(/`(?:[^`]|``)*`|'[^']*'|\?/g, (token) =>
    token === '?' ? `_utf8mb4 x'${Buffer.from(String(parameters[index++])).toString('hex')}'` : token,
  );
}
