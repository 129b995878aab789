import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { encodeRequest } from '../../protocol/request.ts';
import type { Postgres } from '../fixtures/postgres.ts';
import { encodePbkdf2 } from '../fixtures/site.ts';

export const SITE = 'mysite.settings';
export const PASSWORD = 'correct horse';

/** Django 4.2's default number of iterations. */
export const ITERATIONS = 600_000;

/** All accounts have the same encoded hash; each has a proof of its own nevertheless. */
export const ENCODED = encodePbkdf2(PASSWORD, { iterations: ITERATIONS });

/** A cheap encoded hash of the usual length, for cases that do not measure hashing. */
export const CHEAP = encodePbkdf2(PASSWORD, { iterations: 1 });

const SCHEMA = new URL('../fixtures/schema/auth.postgres.sql', import.meta.url);

/**
 * A database with Django's own tables and accounts `user1` to `user<count>`, active, staff, in one group.
 *
 * @returns its url
 */
export async function createAccounts(
  postgres: Postgres,
  name: string,
  count: number,
  encoded: string,
): Promise<string> {
  const url = await postgres.createDatabase(name);
  const statements = readFileSync(SCHEMA, 'utf8').split('\n');
  const [tables, rest] = [true, false].map((wanted) =>
    statements.filter((statement) => statement.startsWith('CREATE TABLE') === wanted).join('\n'),
  );
  // Creating indexes and foreign keys after the rows takes a fraction of the time.
  await postgres.execute(
    name,
    `${tables}
     INSERT INTO auth_user (username, password, is_superuser, first_name, last_name, email, is_staff, is_active, date_joined)
     SELECT 'user' || n, ${pg.escapeLiteral(encoded)}, false, 'Ada', 'Lovelace', 'user' || n || '@example.com', true, true,
            '2026-01-01'
     FROM generate_series(1, ${count}) AS n;
     INSERT INTO auth_group (name) VALUES ('Editors');
     INSERT INTO auth_user_groups (user_id, group_id) SELECT id, 1 FROM auth_user;
     ${rest}`,
  );
  await postgres.execute(name, 'VACUUM ANALYZE');
  return url;
}

/** Writes a file of checks as the Apache module sends them. @returns its path */
export function writeChecks(directory: string, name: string, numbers: Iterable<number>, site = SITE): string {
  const path = join(directory, `${name}.frames`);
  const frames = Array.from(numbers, (number) =>
    encodeRequest(1, 'check', {
      site,
      username: Buffer.from(`user${number}`),
      password: Buffer.from(PASSWORD),
      require: { staff: true },
      client: { address: '127.0.0.1', service: 'apache' },
      deadline_ms: 60_000,
    }),
  );
  writeFileSync(path, Buffer.concat(frames));
  return path;
}

export function* range(from: number, count: number): Iterable<number> {
  for (let number = from; number < from + count; number++) yield number;
}
