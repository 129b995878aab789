import { createHash } from 'node:crypto';
import pg from 'pg';
import type { Schema } from '../schema.ts';
import { partsOf, tablesOf } from '../tables.ts';

/** A table whose changes are told, and how its rows lead to an account. */
export interface Watched {
  /** Its db_table. */
  readonly table: string;
  /** All its columns that decide. */
  readonly columns: readonly string[];
  /** The column with the primary key of the account that a row is about; undefined: a row may be about any account. */
  readonly key: string | undefined;
  /** Columns by which accounts are found: a new row, or a change of one of these, may be about any account. */
  readonly identity: readonly string[];
}

/** A watched table as the database has it. */
export interface Relation {
  readonly schema: string;
  readonly table: string;
  /** The types of its columns. */
  readonly types: Readonly<Record<string, string>>;
}

/** A trigger as the catalog has it. */
export interface Trigger {
  readonly name: string;
  /** `A` if it fires in every session, those of replication included. */
  readonly enabled: string;
  /** The bits of pg_trigger.tgtype. */
  readonly type: number;
  /** Whether it is restricted to columns or by a condition. */
  readonly restricted: boolean;
  /** The source of its function. */
  readonly source: string;
}

/** AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW; AFTER TRUNCATE FOR EACH STATEMENT. */
const OF_ROWS = 29;
const OF_TRUNCATE = 32;

/** Every account may have changed; the account with the key that follows; the canary that follows. */
export const EVERYTHING = '*';
export const ONE = 'u';
export const CANARY = 'c';

/** More changes of accounts than this in one transaction are told as one of everything. */
const TOLD_MAX = 100;

/** A longer primary key is told as a change of everything, in octets. */
const KEY_MAX = 200;

/** The types of keys whose text is the same in a notification as in an account. */
const PLAIN = new Set(['smallint', 'integer', 'bigint', 'uuid', 'text', 'character varying']);

/**
 * The name of a site's channel, and of its triggers. Whoever reads the same columns of the same tables shares them.
 */
export function channelOf(schema: Schema): string {
  const { match: _, ...user } = schema.user;
  const names = JSON.stringify({ ...schema, user });
  return `djauthd_${createHash('sha256').update(names).digest('hex').slice(0, 8)}`;
}

/** Every table that an account is read from. */
export function watchedOf(schema: Schema): Watched[] {
  const { user, userGroups, userPermissions } = schema;
  const parentIds = new Map(
    user.parents.filter(({ link }) => link === user.id).map(({ table, id }) => [table, id] as const),
  );
  return tablesOf(schema).map(({ name: table, columns }): Watched => {
    const isUser = table === user.table;
    const key = isUser ? user.id : parentIds.get(table);
    if (key !== undefined) {
      const username = isUser ? user.username : user.username.slice(table.length + 1);
      return { table, columns, key, identity: columns.filter((name) => name === key || name === username) };
    }
    const member = [userGroups, userPermissions].find((each) => each?.table === table);
    return { table, columns, key: member?.user, identity: [] };
  });
}

/** How a table is written in SQL so that it is found as the daemon's queries find it. */
export function spelled(table: string): string {
  const { schema, table: name } = partsOf(table, '"');
  return [...(schema === undefined ? [] : [schema]), name].map((part) => pg.escapeIdentifier(part)).join('.');
}

/**
 * The statements that make the triggers; they can be run again.
 *
 * A trigger of PostgreSQL that names columns (UPDATE OF, WHEN) keeps their types from being changed: a migration of the
 * site would fail. So the functions compare, and where they cannot, because a column is gone, they tell of everything.
 */
export function createStatements(schema: Schema, relations: ReadonlyMap<string, Relation>): string[] {
  const channel = channelOf(schema);
  return watchedOf(schema).flatMap((watched) => {
    const relation = relations.get(watched.table);
    if (relation === undefined) return [];
    const { name, table, truncate } = namesIn(relation, channel);
    const rows = pg.escapeIdentifier(channel);
    return [
      `CREATE OR REPLACE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS ${inDollars(sourceOf(watched, relation, channel))};`,
      // Whoever made a function of that name before would keep it, and what it does with the rights of all who write.
      `ALTER FUNCTION ${name}() OWNER TO CURRENT_USER;`,
      `CREATE OR REPLACE TRIGGER ${rows} AFTER INSERT OR UPDATE OR DELETE ON ${table}\n  FOR EACH ROW EXECUTE FUNCTION ${name}();`,
      `CREATE OR REPLACE TRIGGER ${truncate} AFTER TRUNCATE ON ${table}\n  FOR EACH STATEMENT EXECUTE FUNCTION ${name}();`,
      `ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${rows}, ENABLE ALWAYS TRIGGER ${truncate};`,
    ];
  });
}

/** The statements that remove the triggers. */
export function dropStatements(schema: Schema, relations: ReadonlyMap<string, Relation>): string[] {
  const channel = channelOf(schema);
  return [...relations.values()].flatMap((relation) => {
    const { name, table, truncate } = namesIn(relation, channel);
    return [
      `DROP TRIGGER IF EXISTS ${pg.escapeIdentifier(channel)} ON ${table};`,
      `DROP TRIGGER IF EXISTS ${truncate} ON ${table};`,
      `DROP FUNCTION IF EXISTS ${name}();`,
    ];
  });
}

/** Sentences on what is wrong with the triggers of a table. */
export function problemsOf(
  watched: Watched,
  relation: Relation,
  triggers: readonly Trigger[],
  channel: string,
): string[] {
  const source = sourceOf(watched, relation, channel);
  const where = `${relation.schema}.${relation.table}`;
  const expected = [
    { name: channel, type: OF_ROWS },
    { name: truncateName(channel), type: OF_TRUNCATE },
  ];
  return expected.flatMap(({ name, type }) => {
    const found = triggers.find((trigger) => trigger.name === name);
    if (found === undefined) return [`${where} has no trigger ${name}`];
    if (found.enabled === 'D') return [`trigger ${name} of ${where} is disabled`];
    if (found.enabled !== 'A') return [`trigger ${name} of ${where} does not fire in every session`];
    const same = found.type === type && !found.restricted && found.source === source;
    return same ? [] : [`trigger ${name} of ${where} is another one than \`djauthd triggers\` makes`];
  });
}

function namesIn({ schema, table }: Relation, channel: string) {
  const quoted = (...parts: string[]) => parts.map((part) => pg.escapeIdentifier(part)).join('.');
  // A function belongs to one table; the name of a table may take all of an identifier's 63 octets.
  const short = createHash('sha256').update(table).digest('hex').slice(0, 8);
  return {
    name: quoted(schema, `${channel}_${short}`),
    table: quoted(schema, table),
    truncate: pg.escapeIdentifier(truncateName(channel)),
  };
}

/** As a string of SQL, whatever is in it: names of columns are. */
function inDollars(source: string): string {
  let tag = '$djauthd$';
  for (let count = 1; source.includes(tag); count++) tag = `$djauthd${count}$`;
  return `${tag}${source}${tag}`;
}

const truncateName = (channel: string) => `${channel}_truncate`;

/** The body of a table's trigger function. */
function sourceOf({ table, columns, key, identity }: Watched, { types }: Relation, channel: string): string {
  const q = pg.escapeIdentifier;
  // Octets are compared: a collation, citext or a number's scale may call equal what decides differently.
  const same = (names: readonly string[]) =>
    names.length === 0
      ? 'true'
      : `pg_catalog.record_image_eq(ROW(${names.map((name) => `NEW.${q(name)}`).join(', ')}), ROW(${names
          .map((name) => `OLD.${q(name)}`)
          .join(', ')}))`;
  const one = (row: 'OLD' | 'NEW', name: string) => `told := '${ONE}' || ${row}.${q(name)}::text;`;
  const plain = key !== undefined && PLAIN.has(types[key] ?? '') ? key : undefined;
  const isMember = plain !== undefined && identity.length === 0;
  const steps =
    plain === undefined
      ? ''
      : `
      IF TG_OP = 'DELETE' THEN ${one('OLD', plain)}
      ELSIF ${isMember ? `TG_OP = 'INSERT' OR ${same([plain])}` : `TG_OP = 'UPDATE' AND ${same(identity)}`} THEN ${one('NEW', plain)}
      END IF;
      IF told <> '${EVERYTHING}' THEN
        told_before := coalesce(nullif(pg_catalog.current_setting('djauthd.told', true), ''), '0')::integer + 1;
        IF told_before > ${TOLD_MAX} OR pg_catalog.octet_length(told) > ${KEY_MAX} THEN
          told := '${EVERYTHING}';
        ELSE
          PERFORM pg_catalog.set_config('djauthd.told', told_before::text, true);
        END IF;
      END IF;`;
  return `
DECLARE
  told text := '${EVERYTHING}';
  told_before integer;
BEGIN
  -- Made by \`djauthd triggers\` for ${partsOf(table, '"').table.replace(/[^\w ]/g, '?')}. Tells djauthd what to read again, at COMMIT; writes nothing.
  IF TG_OP <> 'TRUNCATE' THEN
    BEGIN
      IF TG_OP = 'UPDATE' THEN
        IF ${same(columns)} THEN RETURN NULL; END IF;
      END IF;${steps}
    EXCEPTION WHEN OTHERS THEN
      told := '${EVERYTHING}';
    END;
  END IF;
  told := coalesce(told, '${EVERYTHING}');
  BEGIN
    PERFORM pg_catalog.pg_notify('${channel}', told);
  EXCEPTION WHEN insufficient_privilege THEN
    EXECUTE 'NOTIFY ${channel}, ' || pg_catalog.quote_literal(told);
  END;
  RETURN NULL;
END
`;
}
