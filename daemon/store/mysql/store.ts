import { DummyDriver, Kysely, MysqlAdapter, MysqlIntrospector, MysqlQueryCompiler } from 'kysely';
import { ConnectionPool } from '../connection-pool.ts';
import { PreparedStatements } from '../prepared-statements.ts';
import { type AccountRow, accountQuery } from '../query.ts';
import type { Schema } from '../schema.ts';
import { ServerStore } from '../server-store.ts';
import type { Store, StoreOptions } from '../store.ts';
import { makeConnection } from './connection.ts';
import { dialect, pairsOf, textsOf } from './list.ts';
import { sessionOf } from './session.ts';
import { settingsOf } from './url.ts';

/** Builds statements; the pool sends them. */
const db = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new MysqlAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new MysqlIntrospector(kysely),
    createQueryCompiler: () => new MysqlQueryCompiler(),
  },
});

export function openMysql(url: string, options: StoreOptions): Store {
  const settings = settingsOf(url);
  const { schema, timeoutMs } = options;
  const name = `mysql ${settings.database} on ${settings.socketPath ?? settings.host}`;
  const onTrouble = (message: string) => options.onTrouble(`${name}: ${message}`);
  const prepared = new PreparedStatements(settings.prepare, onTrouble);
  const session = sessionOf(settings.charset, timeoutMs);
  return new ServerStore({
    name,
    schema,
    dialect,
    db,
    pool: new ConnectionPool({
      make: (onEnd) => makeConnection({ settings, timeoutMs, session, prepared }, onEnd),
      limit: options.connections,
      timeoutMs,
      onTrouble,
    }),
    accountByName: accountQuery(db, schema, dialect),
    accountById: accountQuery(db, schema, dialect, 'id'),
    rowOf: (row) => withLists(row, schema),
  });
}

function withLists(row: AccountRow, { userGroups, userPermissions }: Schema): AccountRow {
  return {
    ...row,
    groups: userGroups && textsOf(row.groups),
    direct: userPermissions && pairsOf(row.direct),
    inherited: userGroups && pairsOf(row.inherited),
  };
}
