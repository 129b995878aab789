import { sql } from 'kysely';
import pg from 'pg';
import { connect } from '../store/postgres/connect.ts';
import { SESSION_OPTIONS } from '../store/postgres/session.ts';
import { settingsOf } from '../store/postgres/url.ts';
import type { Schema } from '../store/schema.ts';
import { partsOf, type Table } from '../store/tables.ts';
import { BATCH, type Catalog, QUERY_TIMEOUT_MS, type Row, rowOf } from './catalog.ts';
import { censusQuery, sharedNamesQuery } from './queries.ts';

interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  /** Whether the role has USAGE on the schema. */
  readonly usable: boolean;
  /** Whether the search path finds it without the schema. */
  readonly found: boolean;
  /** Whether row-level security may hide rows. */
  readonly filtered: boolean;
  readonly writable: boolean;
}

/** The tables of that name, those on the search path first. */
const RELATIONS = `
  select c.oid, n.nspname as schema, c.relname as table,
    has_schema_privilege(n.oid, 'USAGE') as usable,
    $2::text is not null or n.nspname = any (string_to_array(
      replace(replace(current_setting('search_path'), ' ', ''), '"$user"', quote_ident(current_user)), ',')) as found,
    c.relrowsecurity and row_security_active(c.oid) as filtered,
    has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') as writable
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.relname = $1 and ($2::text is null or n.nspname = $2) and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  order by array_position(current_schemas(true), n.nspname) nulls last, n.nspname`;

const COLUMNS = `
  select attname as name, has_column_privilege(attrelid, attnum, 'SELECT') as readable
  from pg_attribute where attrelid = $1 and attnum > 0 and not attisdropped`;

const INDEXED = `
  select exists (
    select from pg_index as i join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
    where i.indrelid = $1 and i.indisvalid and i.indpred is null and a.attname = $2) as yes`;

/** An index on `upper(column::text)`, as PostgreSQL writes it back. */
const INDEXED_UPPER = `
  select exists (
    select from pg_index as i
    where i.indrelid = $1 and i.indisvalid and i.indpred is null
      and pg_get_indexdef(i.indexrelid, 1, false) in ('upper((' || quote_ident($2) || ')::text)', 'upper(' || quote_ident($2) || ')')
  ) as yes`;

const FOLDS_CASE = `
  select t.typname = 'citext' or not coalesce(l.collisdeterministic, true) as yes
  from pg_attribute as a join pg_type as t on t.oid = a.atttypid left join pg_collation as l on l.oid = a.attcollation
  where a.attrelid = $1 and a.attname = $2`;

export async function openPostgres(url: string, schema: Schema): Promise<Catalog> {
  const settings = settingsOf(url);
  const client = await connect(settings, {
    applicationName: 'djauthd doctor',
    statementTimeoutMs: QUERY_TIMEOUT_MS,
    startup: SESSION_OPTIONS,
    timeoutMs: QUERY_TIMEOUT_MS / 6,
  });
  const query = async <T>(text: string, values: unknown[] = []): Promise<T[]> =>
    (await client.query(text, values)).rows;
  const one = async (text: string, values: unknown[]): Promise<boolean> =>
    (await query<{ yes: boolean }>(text, values))[0]?.yes === true;
  const relation = async (name: string): Promise<Relation | undefined> => {
    const parts = partsOf(name, '"');
    return (await query<Relation>(RELATIONS, [parts.table, parts.schema ?? null]))[0];
  };
  const [{ role } = { role: settings.user }] = await query<{ role: string }>('select current_user as role');

  const readable = async (table: Table, oid: number): Promise<boolean> => {
    const columns = await query<{ name: string; readable: boolean }>(COLUMNS, [oid]);
    return columns.every((column) => column.readable || !table.columns.includes(column.name));
  };

  return {
    role,

    async columns(table) {
      const known = await relation(table);
      if (known === undefined) return [];
      return (await query<{ name: string }>(COLUMNS, [known.oid])).map(({ name }) => name);
    },

    async inspect(table) {
      const known = await relation(table.name);
      if (known === undefined) return { missing: [`table ${table.name} does not exist`], readable: true };
      const missing: string[] = [];
      if (!known.found) {
        missing.push(
          `table ${table.name} is in schema ${known.schema}, which is not on the search path: add options=-c%20search_path%3D${encodeURIComponent(known.schema)} to the URL`,
        );
      }
      if (known.filtered) missing.push(`row-level security hides rows of ${table.name} from ${role}`);
      const columns = await query<{ name: string }>(COLUMNS, [known.oid]);
      for (const column of table.columns) {
        if (!columns.some(({ name }) => name === column)) missing.push(`column ${table.name}.${column} does not exist`);
      }
      return { missing, readable: known.usable && (await readable(table, known.oid)) };
    },

    async grants(tables) {
      const schemas = new Set<string>();
      const names: string[] = [];
      for (const table of tables) {
        const known = await relation(table.name);
        if (known === undefined) continue;
        if (!known.usable) schemas.add(known.schema);
        if (await readable(table, known.oid)) continue;
        names.push(
          known.schema === 'public'
            ? identifier(known.table)
            : `${identifier(known.schema)}.${identifier(known.table)}`,
        );
      }
      return [
        ...[...schemas].map((name) => `GRANT USAGE ON SCHEMA ${identifier(name)} TO ${identifier(role)};`),
        ...(names.length > 0 ? [`GRANT SELECT ON ${names.join(', ')} TO ${identifier(role)};`] : []),
      ];
    },

    async writable(tables) {
      const known = await Promise.all(tables.map(async ({ name }) => ({ name, relation: await relation(name) })));
      return known.flatMap(({ name, relation: found }) => (found?.writable ? [name] : []));
    },

    indexed: async (table, column) =>
      one(schema.user.match === 'iexact' ? INDEXED_UPPER : INDEXED, [(await relation(table))?.oid, column]),
    index: (table, column) =>
      schema.user.match === 'iexact'
        ? [`CREATE INDEX ON ${identifier(partsOf(table, '"').table)} (UPPER(${identifier(column)}::text));`]
        : [],
    foldsCase: async (table, column) => one(FOLDS_CASE, [(await relation(table))?.oid, column]),

    async sharedNames() {
      const [row] = await query<{ names: string }>(sharedNamesQuery(schema, '"', (name) => sql`upper(${name}::text)`));
      return Number(row?.names ?? 0);
    },

    async *accounts() {
      await query('begin read only');
      try {
        await query(`declare census no scroll cursor for ${censusQuery(schema, '"')}`);
        for (;;) {
          const rows = await query<Row>(`fetch ${BATCH} from census`);
          if (rows.length === 0) return;
          yield rows.map(rowOf);
        }
      } finally {
        await query('rollback');
      }
    },

    close: () => client.end(),
  };
}

/** An identifier in SQL, quoted only if necessary. */
function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : pg.escapeIdentifier(name);
}
