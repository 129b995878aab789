import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql } from 'kysely';
import { ConnectionPool } from '../connection-pool.ts';
import { PreparedStatements } from '../prepared-statements.ts';
import { accountQuery, type SqlDialect } from '../query.ts';
import { ServerStore } from '../server-store.ts';
import type { Store, StoreOptions } from '../store.ts';
import { makeConnection, PreparedQuery, SessionCheck } from './connection.ts';
import { Ear } from './ear.ts';
import { Standbys } from './standbys.ts';
import { settingsOf } from './url.ts';

const dialect: SqlDialect = {
  quote: '"',
  text: (text) => text,
  pair: (a, b) => sql`json_build_array(${a}, ${b})`,
  list: (item) => sql`json_agg(${item})`,
  iexact: { operator: 'upper' },
};

/** Builds statements; the pool sends them. */
const db = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

export function openPostgres(url: string, options: StoreOptions): Store {
  const settings = settingsOf(url);
  const { schema, timeoutMs } = options;
  const name = `postgres ${settings.database} on ${settings.hosts.map((host) => host.name).join(',')}`;
  const accountByName = accountQuery(db, schema, dialect);
  const accountById = accountQuery(db, schema, dialect, 'id');
  const onTrouble = (message: string) => options.onTrouble(`${name}: ${message}`);
  const prepared = new PreparedQuery(accountByName.sql, new PreparedStatements(settings.prepare, onTrouble));
  const session = new SessionCheck(timeoutMs, onTrouble);
  const { listenUrl } = options;
  const standbys = listenUrl === undefined ? undefined : new Standbys();
  const pool = new ConnectionPool({
    make: (onEnd) => makeConnection({ settings, timeoutMs, prepared, session, standbys }, onEnd),
    limit: options.connections,
    timeoutMs,
    onTrouble,
  });
  const listen: Store['listen'] = (heard, periodMs) => {
    const where = settingsOf(listenUrl ?? url);
    if (standbys === undefined) throw new Error('listenUrl was not given');
    return new Ear({ settings: where, schema, pool, timeoutMs, periodMs, heard, standbys });
  };
  return new ServerStore({ name, schema, dialect, db, pool, accountByName, accountById, listen });
}
