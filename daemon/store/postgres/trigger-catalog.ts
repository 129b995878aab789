import type { Schema } from '../schema.ts';
import { channelOf, problemsOf, type Relation, spelled, type Trigger, watchedOf } from './triggers.ts';

/** Runs a query as the daemon's role does. */
export type Ask = (sql: string, parameters: readonly unknown[]) => Promise<unknown[]>;

/** The tables of a site and their triggers, as its database has them. */
export interface TriggerState {
  /** By db_table; tables without triggers are absent. */
  readonly relations: ReadonlyMap<string, Relation>;
  /** Sentences on tables that cannot have triggers. */
  readonly obstacles: readonly string[];
  /** Sentences on what is wrong with the triggers. */
  readonly problems: readonly string[];
  /** Whether any is there. */
  readonly found: boolean;
  /** Why the database sends no notifications; undefined if it does. */
  readonly mute: string | undefined;
}

/** CREATE OR REPLACE TRIGGER. */
const VERSION_MIN = 140_000;

const STATE = `
  select w.name, n.nspname as schema, c.relname as table, c.relkind as kind,
    exists (select from pg_catalog.pg_inherits as i where i.inhparent = c.oid) as divided,
    pg_catalog.row_security_active(c.oid) as filtered,
    (select pg_catalog.json_agg(a.attname) from pg_catalog.pg_attribute as a
      where a.attrelid = c.oid and a.attgenerated = 'v' and not a.attisdropped) as computed,
    pg_catalog.current_setting('server_version_num')::int as version, pg_catalog.pg_is_in_recovery() as standby,
    (select pg_catalog.json_object_agg(a.attname, pg_catalog.format_type(a.atttypid, null))
      from pg_catalog.pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as types,
    (select pg_catalog.json_agg(pg_catalog.json_build_object('name', t.tgname, 'enabled', t.tgenabled, 'type', t.tgtype,
        'restricted', t.tgqual is not null or t.tgattr::text <> '', 'source', p.prosrc))
      from pg_catalog.pg_trigger as t join pg_catalog.pg_proc as p on p.oid = t.tgfoid
      where t.tgrelid = c.oid and not t.tgisinternal and t.tgname in ($2::text, $2::text || '_truncate')) as triggers
  from pg_catalog.unnest($1::text[]) as w(name)
  left join pg_catalog.pg_class as c on c.oid = pg_catalog.to_regclass(w.name)
  left join pg_catalog.pg_namespace as n on n.oid = c.relnamespace`;

/**
 * What identifies the triggers as they are now: whatever is done to a table, a trigger or a function changes it, undone
 * again or not; and whether they still see whatever the daemon reads. Parameters: the channel, something, the tables.
 */
const TRIGGERS = `(
    select pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(',', t.oid, t.xmin, t.tgenabled, p.oid, p.xmin,
      exists (select from pg_catalog.pg_inherits as i where i.inhparent = t.tgrelid),
      pg_catalog.row_security_active(t.tgrelid),
      exists (select from pg_catalog.pg_attribute as a where a.attrelid = t.tgrelid and a.attgenerated = 'v')), ';' order by t.oid))
    from pg_catalog.unnest($3::text[]) as w(name)
    join pg_catalog.pg_trigger as t on t.tgrelid = pg_catalog.to_regclass(w.name) and t.tgname in ($1::text, $1::text || '_truncate')
    join pg_catalog.pg_proc as p on p.oid = t.tgfoid) as triggers`;

/**
 * What identifies the tables and their columns: a column that is dropped and added again, renamed, or converted has other
 * values, and no trigger fires. The same parameters.
 */
const COLUMNS = `(
    select pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(',', c.oid, c.relfilenode, a.attnum, a.xmin), ';'
      order by c.oid, a.attnum))
    from pg_catalog.unnest($3::text[]) as w(name)
    join pg_catalog.pg_class as c on c.oid = pg_catalog.to_regclass(w.name)
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0) as columns`;

/** What the two queries below answer. */
export interface Identity {
  readonly triggers: string | null;
  readonly columns: string | null;
}

export const IDENTITY_QUERY = `select $2::text, ${TRIGGERS}, ${COLUMNS}`;

/** The same, and the canary is sent, in a transaction that does not wait for the disk. Parameters: as it is, the payload. */
export const CANARY_QUERY = `
  select pg_catalog.pg_notify($1::text, $2::text), pg_catalog.set_config('synchronous_commit', 'off', true), ${TRIGGERS}, ${COLUMNS}`;

interface Row {
  readonly name: string;
  readonly schema: string | null;
  readonly table: string | null;
  readonly kind: string | null;
  /** Whether other tables hold rows of it. */
  readonly divided: boolean;
  /** Whether policies keep rows from the daemon's role. */
  readonly filtered: boolean | null;
  /** Its virtual generated columns, which PostgreSQL 18 has: a trigger sees NULL in them. */
  readonly computed: readonly string[] | null;
  readonly version: number;
  readonly standby: boolean;
  readonly types: Readonly<Record<string, string>> | null;
  readonly triggers: readonly Trigger[] | null;
}

const KINDS: Readonly<Record<string, string>> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
  p: 'a partitioned table',
};

export async function inspectTriggers(ask: Ask, schema: Schema): Promise<TriggerState> {
  const channel = channelOf(schema);
  const watched = watchedOf(schema);
  const rows = (await ask(STATE, [watched.map(({ table }) => spelled(table)), channel])) as Row[];
  const relations = new Map<string, Relation>();
  const obstacles: string[] = [];
  const problems: string[] = [];
  for (const each of watched) {
    const row = rows.find(({ name }) => name === spelled(each.table));
    if (row?.schema == null || row.table === null) {
      obstacles.push(`table ${each.table} does not exist or is not on the search path`);
      continue;
    }
    const what = row.kind === 'r' ? undefined : (KINDS[row.kind ?? ''] ?? 'no table');
    if (what !== undefined) {
      obstacles.push(`${each.table} is ${what}, whose changes no trigger tells`);
      continue;
    }
    if (row.divided) obstacles.push(`${each.table} has child tables, whose changes its triggers do not tell`);
    if (row.filtered) obstacles.push(`${each.table} has row level security, and no trigger tells what it hides`);
    const computed = each.columns.find((column) => row.computed?.includes(column));
    if (computed !== undefined) {
      obstacles.push(`column ${computed} of ${each.table} is generated when it is read, which its triggers do not see`);
    }
    const relation = { schema: row.schema, table: row.table, types: row.types ?? {} };
    relations.set(each.table, relation);
    problems.push(...problemsOf(each, relation, row.triggers ?? [], channel));
  }
  const [first] = rows;
  if (first !== undefined && first.version < VERSION_MIN) {
    obstacles.push('PostgreSQL 14 or later is needed for CREATE OR REPLACE TRIGGER');
  }
  const standby = 'the database is a standby, which neither sends nor hears notifications';
  return {
    relations,
    obstacles,
    problems,
    found: rows.some(({ triggers }) => (triggers ?? []).length > 0),
    mute: first?.standby ? `${standby}: name the primary in the URL` : undefined,
  };
}
