import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { createSite, encodePbkdf2 } from '../../fixtures/site.ts';
import type { Stage } from '../stage.ts';

/** What happens to each of four people in one commit, which password they send afterwards, and whether it is right. */
export const CHANGES = {
  /** Gets another password, and goes on with the old one. */
  old: { sends: 'password', right: false },
  /** Gets another password, and uses it. */
  new: { sends: 'another', right: true },
  /** Is deactivated. */
  inactive: { sends: 'password', right: false },
  /** Loses the group Developers. */
  member: { sends: 'password', right: false },
} as const;
export type Person = keyof typeof CHANGES;
export const PEOPLE = Object.keys(CHANGES) as Person[];

export const GROUP = 'Developers';
export const ITERATIONS = 1000;
const PASSWORDS = { password: 'first secret', another: 'second secret' } as const;

/**
 * One SQLite file for all servers: Django's tables, and the tables `authn` and `authn_groups` with hashes that other
 * servers can read.
 */
export interface World {
  readonly path: string;
  readonly url: string;
  /** The password that this person sends before, or after the commit. */
  password(person: Person, when: 'before' | 'after'): string;
  /** Whether this is the right password of an active person now: the truth, for servers that ask the bench. */
  right(username: string, password: string): boolean;
  /** Makes all changes in one commit. */
  change(): void;
}

export function createWorld(stage: Stage): World {
  const path = join(stage.directory, 'peers.sqlite3');
  const site = createSite(
    path,
    PEOPLE.map((username) => ({ username, password: PASSWORDS.password, groups: [GROUP] })),
    { iterations: ITERATIONS },
  );
  stage.atEnd(async () => site.close());
  const { database } = site;
  database.exec(`
    CREATE TABLE authn (username TEXT PRIMARY KEY, password TEXT NOT NULL, is_active INTEGER NOT NULL);
    CREATE TABLE authn_groups (username TEXT NOT NULL, name TEXT NOT NULL);
    INSERT INTO authn SELECT username, '${crypted(PASSWORDS.password)}', 1 FROM auth_user;
    INSERT INTO authn_groups SELECT username, '${GROUP}' FROM auth_user;`);
  let changed = false;
  const encoded = encodePbkdf2(PASSWORDS.another, { iterations: ITERATIONS });
  const hash = crypted(PASSWORDS.another);
  return {
    path,
    url: site.url,
    password: (person, when) => PASSWORDS[when === 'before' ? 'password' : CHANGES[person].sends],
    right(username, password) {
      const other = changed && (username === 'old' || username === 'new');
      if (!PEOPLE.includes(username as Person) || (changed && username === 'inactive')) return false;
      return password === PASSWORDS[other ? 'another' : 'password'];
    },
    change() {
      database.exec(`
        BEGIN;
        UPDATE auth_user SET password = '${encoded}' WHERE username IN ('old', 'new');
        UPDATE authn SET password = '${hash}' WHERE username IN ('old', 'new');
        UPDATE auth_user SET is_active = 0 WHERE username = 'inactive';
        UPDATE authn SET is_active = 0 WHERE username = 'inactive';
        DELETE FROM auth_user_groups WHERE user_id = (SELECT id FROM auth_user WHERE username = 'member');
        DELETE FROM authn_groups WHERE username = 'member';
        COMMIT`);
      changed = true;
    },
  };
}

/** SHA512-CRYPT, which Apache and Dovecot read. */
function crypted(password: string): string {
  return execFileSync('openssl', ['passwd', '-6', '-stdin'], { encoding: 'utf8', input: password }).trim();
}
