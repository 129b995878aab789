import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { PROGRAM } from '../../fixtures/daemon.ts';
import { startMariaDb } from '../../fixtures/mariadb.ts';
import { encodePbkdf2 } from '../../fixtures/site.ts';
import { openDatabase } from '../../fixtures/sqlite.ts';
import { ACCOUNT_TTL_MS } from '../keys.ts';
import { CHEAP, SITE } from '../people.ts';
import { output } from '../processes.ts';
import type { Stage } from '../stage.ts';

/** What is taken from a person by a commit. */
export const LOSSES = ['password', 'active', 'group', 'permission'] as const;
export type Loss = (typeof LOSSES)[number];

/** The database of a site with `user1` to `user<count>`, each staff, in the group Editors and with `files.read_file`. */
export interface Database {
  /** The daemon's configuration. */
  readonly config: string;
  /** Until when a loss may remain without effect by design, in ms: from then on it is looked for without a pause. */
  readonly deafMs: number;
  /** How long after its start the daemon may need until it hears of changes, in ms. */
  readonly earsMs: number;
  /** Resolves at COMMIT. */
  take(loss: Loss, username: string): Promise<void>;
}

export interface DatabaseKind {
  readonly name: string;
  start(stage: Stage, count: number): Promise<Database>;
}

const SCHEMAS = join(import.meta.dirname, '../../fixtures/schema');

export const postgres: DatabaseKind = {
  name: 'PostgreSQL',
  async start(stage, count) {
    const server = await stage.postgres();
    const url = await server.createDatabase('revoked');
    const client = new pg.Client(url);
    await client.connect();
    stage.atEnd(() => client.end());
    const run = (sql: string) => client.query(sql);
    await run(readFileSync(join(SCHEMAS, 'auth.postgres.sql'), 'utf8'));
    await run(people(count));
    // What it hears of may be an hour old (listen_ttl): nothing that the bench sees is due to age.
    const config = `[sites."${SITE}"]\ndatabase = "${url}"\nlisten = true`;
    // It reads the configuration only for the site's tables and columns.
    const file = join(stage.directory, 'triggers.toml');
    writeFileSync(file, `[listen]\nsocket = "${stage.directory}/triggers.sock"\n${config}\n`);
    await run(await output(PROGRAM, ['triggers', '--config', file, '--site', SITE]));
    return { config, deafMs: 0, earsMs: 3_000, take: (loss, username) => commit(run, loss, username) };
  },
};

export const sqlite: DatabaseKind = {
  name: 'SQLite',
  async start(stage, count) {
    const path = join(stage.directory, 'revoked.sqlite3');
    const database = openDatabase(path);
    stage.atEnd(async () => {
      database.close();
    });
    database.pragma('journal_mode = WAL');
    const run = async (sql: string) => database.exec(sql);
    await run(readFileSync(join(SCHEMAS, 'auth.sql'), 'utf8'));
    await run(people(count));
    const config = `[sites."${SITE}"]\ndatabase = "sqlite://${path}"`;
    return { config, deafMs: 0, earsMs: 0, take: (loss, username) => commit(run, loss, username) };
  },
};

export const mariadb: DatabaseKind = {
  name: 'MariaDB',
  async start(stage, count) {
    const server = await startMariaDb();
    stage.atEnd(() => server.stop());
    const url = await server.createDatabase('revoked');
    const client = await mysql.createConnection({
      user: server.user,
      database: 'revoked',
      socketPath: server.socket,
      multipleStatements: true,
    });
    stage.atEnd(() => client.end());
    const run = (sql: string) => client.query(sql);
    await run(readFileSync(join(SCHEMAS, 'auth.mysql.sql'), 'utf8'));
    await run(people(count));
    const config = `[sites."${SITE}"]\ndatabase = "${url}"`;
    return { config, deafMs: ACCOUNT_TTL_MS, earsMs: 0, take: (loss, username) => commit(run, loss, username) };
  },
};

function people(count: number): string {
  const rows = Array.from(
    { length: count },
    (_, at) => `('user${at + 1}', '${CHEAP}', false, '', '', '', true, true, '2026-01-01 00:00:00')`,
  );
  return `
    INSERT INTO auth_user (username, password, is_superuser, first_name, last_name, email, is_staff, is_active,
                           date_joined) VALUES ${rows.join(', ')};
    INSERT INTO auth_group (name) VALUES ('Editors');
    INSERT INTO django_content_type (app_label, model) VALUES ('files', 'file');
    INSERT INTO auth_permission (name, content_type_id, codename)
        SELECT 'May read', id, 'read_file' FROM django_content_type;
    INSERT INTO auth_user_groups (user_id, group_id)
        SELECT auth_user.id, auth_group.id FROM auth_user, auth_group;
    INSERT INTO auth_user_user_permissions (user_id, permission_id)
        SELECT auth_user.id, auth_permission.id FROM auth_user, auth_permission;`;
}

const OTHER = encodePbkdf2('another password', { iterations: 1 });

async function commit(run: (sql: string) => Promise<unknown>, loss: Loss, username: string): Promise<void> {
  const id = `(SELECT id FROM auth_user WHERE username = '${username}')`;
  const statements: Record<Loss, string> = {
    password: `UPDATE auth_user SET password = '${OTHER}' WHERE username = '${username}'`,
    active: `UPDATE auth_user SET is_active = false WHERE username = '${username}'`,
    group: `DELETE FROM auth_user_groups WHERE user_id = ${id}`,
    permission: `DELETE FROM auth_user_user_permissions WHERE user_id = ${id}`,
  };
  await run(`BEGIN; ${statements[loss]}; COMMIT`);
}
