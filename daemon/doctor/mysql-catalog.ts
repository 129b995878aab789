import type { RowDataPacket } from 'mysql2';
import { connect } from '../store/mysql/connect.ts';
import { settingsOf } from '../store/mysql/url.ts';
import type { Schema } from '../store/schema.ts';
import { partsOf, type Table } from '../store/tables.ts';
import { BATCH, type Catalog, QUERY_TIMEOUT_MS, type Row, rowOf } from './catalog.ts';
import { censusQuery, sharedNamesQuery } from './queries.ts';

/** The server's errors for a table or column that the role may not read, or that does not exist. */
const TABLE_DENIED = 1142;
const COLUMN_DENIED = 1143;
const NO_TABLE = 1146;
const NO_COLUMN = 1054;

export async function openMysql(url: string, schema: Schema): Promise<Catalog> {
  const settings = settingsOf(url);
  const connection = await connect(settings, { connectTimeout: QUERY_TIMEOUT_MS / 6 });
  const query = (text: string, values: string[] = []): Promise<RowDataPacket[]> =>
    new Promise((resolve, reject) => {
      connection.query<RowDataPacket[]>({ sql: text, timeout: QUERY_TIMEOUT_MS }, values, (error, rows) =>
        error ? reject(error) : resolve(rows),
      );
    });
  // As in the store.
  await query("set session sql_mode = ''");
  await query('set session transaction read only');
  const [identity] = await query('select current_user() as role');
  const role = String(identity?.role);

  const error = async (text: string): Promise<number | undefined> => {
    try {
      await query(text);
      return undefined;
    } catch (failure) {
      const { errno } = failure as { errno?: number };
      if (errno === undefined || ![TABLE_DENIED, COLUMN_DENIED, NO_TABLE, NO_COLUMN].includes(errno)) throw failure;
      return errno;
    }
  };
  const select = (columns: readonly string[], table: string) =>
    `select ${columns.map(identifier).join(', ')} from ${qualified(table)} limit 0`;
  const inCatalog = async (from: string, table: string, column: string, condition = ''): Promise<RowDataPacket[]> => {
    const { schema: own, table: name } = partsOf(table, '`');
    return query(
      `select * from information_schema.${from} where table_schema = coalesce(?, database()) and table_name = ? and column_name = ?${condition}`,
      [own as string, name, column],
    );
  };

  return {
    role,

    async columns(table) {
      const { schema: own, table: name } = partsOf(table, '`');
      const rows = await query(
        'select column_name as name from information_schema.columns where table_schema = coalesce(?, database()) and table_name = ?',
        [own as string, name],
      );
      return rows.map((row) => String(row.name));
    },

    async inspect(table) {
      const code = await error(select(table.columns, table.name));
      if (code === undefined) return { missing: [], readable: true };
      if (code === NO_TABLE) return { missing: [`table ${table.name} does not exist`], readable: true };
      if (code === TABLE_DENIED) return { missing: [], readable: false };
      const missing: string[] = [];
      let readable = true;
      for (const column of table.columns) {
        const ofColumn = await error(select([column], table.name));
        if (ofColumn === NO_COLUMN) missing.push(`column ${table.name}.${column} does not exist`);
        else if (ofColumn !== undefined) readable = false;
      }
      return { missing, readable };
    },

    async grants(tables) {
      const refused: string[] = [];
      for (const { name } of await unreadable(tables)) refused.push(name);
      const [account = '', host = '%'] = splitAccount(role);
      return refused.map((name) => `GRANT SELECT ON ${qualified(name, settings.database)} TO '${account}'@'${host}';`);
    },

    async writable(tables) {
      const rows = await query('show grants');
      const grants = rows.map((row) => String(Object.values(row)[0]));
      return tables
        .map(({ name }) => name)
        .filter((name) => grants.some((grant) => changes(grant, name, settings.database)));
    },

    indexed: async (table, column) =>
      (await inCatalog('statistics', table, column, ' and seq_in_index = 1')).length > 0,

    async foldsCase(table, column) {
      const [row] = await inCatalog('columns', table, column);
      return /_ci$/i.test(String(row?.COLLATION_NAME ?? row?.collation_name ?? ''));
    },

    async sharedNames() {
      const [row] = await query(sharedNamesQuery(schema, '`'));
      return Number(row?.names ?? 0);
    },

    async *accounts() {
      let batch: Row[] = [];
      const rows = connection.query(censusQuery(schema, '`')).stream({ highWaterMark: BATCH });
      for await (const row of rows as AsyncIterable<Row>) {
        batch.push(rowOf(row));
        if (batch.length < BATCH) continue;
        yield batch;
        batch = [];
      }
      yield batch;
    },

    close: () => new Promise((resolve) => connection.end(() => resolve())),
  };

  async function unreadable(tables: readonly Table[]): Promise<Table[]> {
    const found: Table[] = [];
    for (const table of tables) {
      const codes = await Promise.all(table.columns.map((column) => error(select([column], table.name))));
      if (codes.some((code) => code === TABLE_DENIED || code === COLUMN_DENIED)) found.push(table);
    }
    return found;
  }
}

/** Whether a line of SHOW GRANTS allows its account to change a table. */
function changes(grant: string, name: string, database: string): boolean {
  const [, privileges = '', target = ''] = /^GRANT (.*?) ON (?:TABLE )?(\S.*?) TO /.exec(grant) ?? [];
  if (!/\b(ALL PRIVILEGES|INSERT|UPDATE|DELETE|DROP)\b/.test(privileges)) return false;
  if (target === '*.*') return true;
  const { schema, table } = partsOf(name, '`');
  const [, ofDatabase = '', ofTable = ''] = /^`((?:[^`]|``)*)`\.(\*|`.*`)$/.exec(target) ?? [];
  // In a grant on a database, % and _ are wildcards unless escaped.
  const source = ofDatabase
    .replace(/[.*+?^${}()|[\]]/g, '\\$&')
    .replace(/\\?[%_]/g, (found) => (found.startsWith('\\') ? found.slice(1) : found === '%' ? '.*' : '.'));
  if (!new RegExp(`^${source}$`, 's').test(schema ?? database)) return false;
  return ofTable === '*' || ofTable === identifier(table);
}

/** `user@host`: a user may contain an @, a host may not. */
function splitAccount(role: string): string[] {
  const at = role.lastIndexOf('@');
  return [role.slice(0, at), role.slice(at + 1)].map((part) => part.replaceAll("'", "''"));
}

function identifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

function qualified(name: string, database?: string): string {
  const { schema = database, table } = partsOf(name, '`');
  return schema === undefined ? identifier(table) : `${identifier(schema)}.${identifier(table)}`;
}
