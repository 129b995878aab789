import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Answer, Client } from '../fixtures/client.ts';

/** What Django says of whoever is let in, in the protocol's words. */
export interface Account {
  id: string;
  username: string;
  email: string;
  first_name: string;
  last_name: string;
  staff: boolean;
  superuser: boolean;
  groups: string[];
  permissions: string[];
}

/** One question and Django's answer: a line of what oracle.py writes. */
export interface Question {
  kind: string;
  operation: 'check' | 'authorize';
  username_hex: string;
  password_hex: string | null;
  staff: boolean;
  superuser: boolean;
  /** DjangoPermissionName as the handler was configured with it. */
  permission: string | null;
  permissions: string[] | null;
  groups: string[] | null;
  verdict: 'granted' | 'denied' | 'raises' | 'impossible';
  why: string;
  /** Whether there is anybody of this name. */
  known: boolean;
  encoded: string | null;
  account?: Account;
}

const ORACLE = fileURLToPath(new URL('oracle.py', import.meta.url));

/**
 * Django migrates and fills the empty database of this url, and judges. Debian's Python is the one with Django.
 *
 * @param model of the site's users, as AUTH_USER_MODEL
 */
export async function askDjango(url: string, file: string, model: string): Promise<Question[]> {
  await run('verdicts', url, '--out', file, '--model', model);
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Question);
}

/** Active members by group, as Django lists them; null where the model has no groups. Fills the database of this url. */
export async function askGroups(url: string, model: string): Promise<Record<string, string[]> | null> {
  return JSON.parse(await run('groups', url, '--model', model));
}

/** The statements of Django's auth tables. Migrates the database of this url, if it is not yet. */
export async function askSchema(url: string): Promise<string> {
  return (await run('schema', url)).trim();
}

async function run(...parameters: [what: string, url: string, ...rest: string[]]): Promise<string> {
  const [what, url, ...rest] = parameters;
  const { stdout } = await promisify(execFile)('/usr/bin/python3', [ORACLE, what, '--database', url, ...rest], {
    maxBuffer: 16 * 1024 * 1024,
  });
  return stdout;
}

/** The same question to the daemon. */
export function askDaemon(client: Client, site: string, question: Question): Promise<Answer> {
  const { staff, superuser, permissions, groups } = question;
  return client.ask(question.operation, {
    site,
    username: Buffer.from(question.username_hex, 'hex'),
    ...(question.password_hex === null ? {} : { password: Buffer.from(question.password_hex, 'hex') }),
    require: { staff, superuser, ...(permissions ? { permissions } : {}), ...(groups ? { groups } : {}) },
    client: { address: '192.0.2.1', service: 'oracle' },
    deadline_ms: 120_000,
    want: ['permissions'],
  });
}

const GRANTED = 0;
const DENIED = 1;
const UNKNOWN_USER = 2;
const ERROR = 4;

/**
 * What is wrong with the daemon's answer, or undefined where it is as Django's: the same verdict, and of whoever is let
 * in the same account. Where Django raises (the handler's 500) a denial or a fault will do, never a grant; where it
 * raises because the user model has not what is required, only a fault.
 */
export function difference(question: Question, { status, content }: Answer): string | undefined {
  switch (question.verdict) {
    case 'granted':
      if (status !== GRANTED) return 'refused, where Django lets in';
      return accountDifference(question.account, content?.account);
    case 'denied':
      if (status === GRANTED) return 'LET IN, where Django refuses';
      if (status === UNKNOWN_USER && question.known) return 'unknown, but Django has such a row';
      return status === DENIED || status === UNKNOWN_USER ? undefined : 'a fault, where Django refuses';
    case 'raises':
      if (status === GRANTED) return 'LET IN, where Django raises';
      return [DENIED, UNKNOWN_USER, ERROR].includes(status) ? undefined : 'neither a denial nor an error';
    case 'impossible':
      return status === ERROR ? undefined : 'no fault, where the user model has no such thing';
  }
}

function accountDifference(django: Account | undefined, ours: Partial<Account> | undefined): string | undefined {
  if (!django) throw new Error('the oracle granted and told of no account');
  for (const key of Object.keys(django) as (keyof Account)[]) {
    const [theirs, own] = [JSON.stringify(django[key]), JSON.stringify(ours?.[key])];
    if (theirs !== own) return `account.${key} is ${own}, in Django ${theirs}`;
  }
  return undefined;
}

/** A difference with all its particulars. The passwords are the oracle's own and nobody's. */
export function described(problem: string, question: Question, answer: Answer): string {
  const { username_hex, password_hex, ...rest } = question;
  return JSON.stringify({
    problem,
    username: legible(username_hex),
    password: password_hex === null ? null : legible(password_hex),
    answer,
    ...rest,
  });
}

/** Octets in Latin-1, so that each is seen. */
function legible(hex: string): string {
  return Buffer.from(hex, 'hex').toString('latin1');
}
