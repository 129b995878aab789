import { sql } from 'kysely';
import type { Schema } from '../store/schema.ts';
import { driver } from '../store/sqlite/drivers.ts';
import { pathOf } from '../store/sqlite/url.ts';
import { partsOf } from '../store/tables.ts';
import { BATCH, type Catalog, QUERY_TIMEOUT_MS, type Row, rowOf } from './catalog.ts';
import { censusQuery, sharedNamesQuery } from './queries.ts';

export async function openSqlite(url: string, schema: Schema): Promise<Catalog> {
  const database = driver.open(pathOf(url), {
    readonly: true,
    timeout: QUERY_TIMEOUT_MS,
  });
  const tableOf = (name: string) => partsOf(name, '"').table;
  const columnsOf = (name: string) =>
    database.prepare('select name from pragma_table_info(?)').pluck().all(tableOf(name)) as string[];

  return {
    role: undefined,

    columns: async (table) => columnsOf(table),

    async inspect(table) {
      const present = columnsOf(table.name).map((column) => column.toLowerCase());
      if (present.length === 0) return { missing: [`table ${table.name} does not exist`], readable: true };
      const missing = table.columns.filter((column) => !present.includes(column.toLowerCase()));
      return { missing: missing.map((column) => `column ${table.name}.${column} does not exist`), readable: true };
    },

    grants: async () => [],
    writable: async () => [], // the file's mode decides

    async indexed(table, column) {
      if (schema.user.match === 'iexact') return undefined; // LIKE uses none
      const indexes = `select x.name from pragma_index_list(?) as i join pragma_index_xinfo(i.name) as x where x.seqno = 0`;
      const names = database.prepare(indexes).pluck().all(tableOf(table)) as string[];
      return names.includes(column);
    },

    async foldsCase(table, column) {
      const source = database
        .prepare("select sql from sqlite_master where type = 'table' and lower(name) = lower(?)")
        .pluck()
        .get(tableOf(table)) as string | undefined;
      const name = column.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      return new RegExp(`(?:^|[\\s"\`[(,])${name}["\`\\]]?\\s[^,]*collate\\s+"?nocase`, 'i').test(source ?? '');
    },

    async sharedNames() {
      return database
        .prepare(sharedNamesQuery(schema, '"', (name) => sql`upper(${name})`))
        .pluck()
        .get() as number;
    },

    async *accounts() {
      let batch: Row[] = [];
      for (const row of database.prepare(censusQuery(schema, '"')).iterate() as Iterable<Row>) {
        batch.push(rowOf(row));
        if (batch.length < BATCH) continue;
        yield batch;
        batch = [];
      }
      yield batch;
    },

    async close() {
      database.close();
    },
  };
}
