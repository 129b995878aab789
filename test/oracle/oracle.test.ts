import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Answer, type Client, connect } from '../fixtures/client.ts';
import { startDaemon } from '../fixtures/daemon.ts';
import { COLLATIONS, startMariaDb } from '../fixtures/mariadb.ts';
import { type Postgres, startPostgres } from '../fixtures/postgres.ts';
import { type Model, models } from './models.ts';
import { type Account, askDaemon, askDjango, askSchema, described, difference, type Question } from './questions.ts';

const LEAST_QUESTIONS = 60_000;
const SHOWN = 20;
const CONNECTIONS = 4;
const BUSY = 3;
const SITE = 'oracle.settings';

let asked = 0;

t.setTimeout(1_800_000); // two minutes on an idle machine

const directory = mkdtempSync(join(tmpdir(), 'djauthd-oracle-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));

t.test('what counts as a difference', async (t) => {
  const account: Account = {
    ...{ id: '1', username: 'a', email: '', first_name: '', last_name: '', staff: true, superuser: false },
    ...{ groups: ['g'], permissions: ['a.b', 'a.c'] },
  };
  const question = (verdict: Question['verdict'], known = true): Question => ({
    ...{ kind: 'x', operation: 'check', username_hex: '', password_hex: '', staff: false, superuser: false },
    ...{ permission: null, permissions: null, groups: null, verdict, why: '', known, encoded: null },
    ...(verdict === 'granted' ? { account } : {}),
  });
  const fine = (verdict: Question['verdict'], status: number, content: unknown = {}): void =>
    t.equal(difference(question(verdict, false), { status, content }), undefined, `${verdict} as ${status}`) as never;
  const bad = (verdict: Question['verdict'], status: number, content: unknown = {}): void =>
    t.type(difference(question(verdict), { status, content }), 'string', `${verdict} as ${status}`) as never;

  fine('granted', 0, { account });
  fine('denied', 1);
  fine('denied', 2);
  for (const status of [1, 2, 4]) fine('raises', status);
  for (const status of [1, 2, 3, 4, 5, 6]) bad('granted', status, { account });
  for (const status of [0, 3, 4, 5, 6]) bad('denied', status, { account });
  for (const status of [0, 3, 5, 6]) bad('raises', status, { account });
  fine('impossible', 4);
  for (const status of [0, 1, 2, 3, 5, 6]) bad('impossible', status, { account });
  bad('denied', 2); // there is such a person
  bad('granted', 0);
  for (const key of Object.keys(account)) {
    bad('granted', 0, { account: { ...account, [key]: 'another' } });
    bad('granted', 0, { account: { ...account, [key]: undefined } });
  }
  bad('granted', 0, { account: { ...account, permissions: ['a.c', 'a.b'] } });
});

for (const model of models) {
  t.test(`SQLite, ${model.name}`, async (t) => {
    const path = join(directory, `${model.name}.sqlite3`);
    const contents = async (): Promise<string> => createHash('sha256').update(readFileSync(path)).digest('hex');
    await compare(t, model, `sqlite://${path}`, contents);
  });
}

t.test('PostgreSQL', async (t) => {
  const postgres = await startPostgres();
  t.teardown(() => postgres.stop());
  for (const model of models) {
    await t.test(`PostgreSQL, ${model.name}`, async (t) => {
      const url = await postgres.createDatabase(model.name);
      await compare(t, model, url, () => peopleInPostgres(postgres, model));
    });
  }
});

t.test('MariaDB', async (t) => {
  const mariadb = await startMariaDb();
  t.teardown(() => mariadb.stop());
  // Each model with another idea of which names are equal.
  const last = models.length - 1;
  const runs = [
    ...models.map((model, number) => ({ model, collation: COLLATIONS[number % COLLATIONS.length] as string })),
    // What `LIKE` takes for equal depends on the collation.
    ...models
      .filter(({ name }) => name === 'inn.Guest')
      .map((model) => ({ model, collation: COLLATIONS[2] as string })),
  ];
  for (const [number, { model, collation }] of runs.entries()) {
    await t.test(`MariaDB, ${model.name}, ${collation}`, async (t) => {
      const database = number > last ? `${model.name}.${number}` : model.name;
      const url = await mariadb.createDatabase(database, collation);
      await compare(t, model, url, () => mariadb.execute(database, `CHECKSUM TABLE \`${model.table}\``));
    });
  }
});

t.test('questions in all', async (t) => {
  t.comment(`${asked} questions in all`);
  t.ok(asked >= LEAST_QUESTIONS, `at least ${LEAST_QUESTIONS}`);
});

t.test("the fixtures' tables are Django's", async (t) => {
  const fixture = (name: string): string =>
    readFileSync(new URL(`../fixtures/schema/${name}`, import.meta.url), 'utf8').replace(/^--.*\n/gm, '');
  t.equal(fixture('auth.sql').trim(), await askSchema(`sqlite://${join(directory, 'schema.sqlite3')}`));
  const postgres = await startPostgres();
  t.teardown(() => postgres.stop());
  t.equal(fixture('auth.postgres.sql').trim(), await askSchema(await postgres.createDatabase('schema')));
  const mariadb = await startMariaDb();
  t.teardown(() => mariadb.stop());
  t.equal(fixture('auth.mysql.sql').trim(), await askSchema(await mariadb.createDatabase('schema')));
});

/** PASSWORD_HASHERS of `project/settings.py`. */
const HASHERS = [
  ...['pbkdf2_sha256', 'pbkdf2_sha1', 'argon2', 'bcrypt_sha256', 'bcrypt', 'scrypt'],
  ...['sha1', 'md5', 'unsalted_sha1', 'unsalted_md5'],
];

/** The verdict. `busy` is none: few questions about one name may wait for a hash, and ours come many at a time. */
async function verdictOf(client: Client, question: Question): Promise<Answer> {
  for (;;) {
    const answer: Answer = await askDaemon(client, SITE, question);
    if (answer.status !== BUSY) return answer;
    await sleep(10);
  }
}

/** Every question that Django answered, put to the daemon over the same database. */
async function compare(t: Test, model: Model, url: string, contents: () => Promise<string>): Promise<void> {
  const questions = await askDjango(url, join(directory, 'verdicts.jsonl'), model.name);
  const before = await contents();
  // Age 0: each verdict is from the database, as Django's are. A busy machine is no difference.
  const config = `
    [sites."${SITE}"]
    database = "${url}"
    hashers = ${JSON.stringify(HASHERS)}
    timeout = "60s"
    ${model.schema(SITE)}
    [cache]
    account_ttl = 0
    [hash]
    max_wait = "60s"
    denial_grid = 0
    [throttle]
    enabled = false
  `;
  const daemon = await startDaemon({ config });
  t.teardown(() => daemon.stop());
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(daemon.socket)));
  t.teardown(() => {
    for (const client of clients) client.close();
  });

  const differences: string[] = [];
  const statuses = new Map<string, number>();
  const began = Date.now();
  let next = 0;
  // A few at a time on each connection, so that no answer is "busy" for our own haste.
  const ask = async (lane: number): Promise<void> => {
    const client = clients[lane % CONNECTIONS];
    for (let question = questions[next++]; client && question; question = questions[next++]) {
      const answer = await verdictOf(client, question);
      const outcome = `${question.verdict} as ${answer.status}`;
      statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1);
      const problem = difference(question, answer);
      if (problem) differences.push(described(problem, question, answer));
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS * 16 }, (_, lane) => ask(lane)));

  for (const one of differences.slice(0, SHOWN)) t.comment(one);
  const counts = [...statuses].sort().map(([outcome, count]) => `${outcome}: ${count}`);
  t.comment(`${questions.length} questions in ${((Date.now() - began) / 1000).toFixed(1)} s; ${counts.join(', ')}`);
  asked += questions.length;
  for (const verdict of ['granted', 'denied']) {
    t.ok(questions.filter((question) => question.verdict === verdict).length >= 100, `Django ${verdict} 100 times`);
  }
  t.equal(differences.length, 0, 'no difference');
  t.equal(await contents(), before, 'the database is as it was');
  t.same(leaked(daemon.log(), questions), [], 'no password and no hash is in the log');
}

/** What of passwords and hashes a log holds; left out is what a username holds too, which may be logged. */
function leaked(log: string, questions: Question[]): string[] {
  const text = (hex: string): string => Buffer.from(hex, 'hex').toString();
  const names = [...new Set(questions.map((question) => text(question.username_hex)))].join('\n');
  const secrets = new Set<string>();
  for (const { password_hex, encoded } of questions) {
    secrets.add(text(password_hex ?? ''));
    if (encoded?.includes('$')) secrets.add(encoded);
  }
  return [...secrets].filter((secret) => secret.length >= 10 && log.includes(secret) && !names.includes(secret));
}

/** One value for all that a careless verifier might write. */
async function peopleInPostgres(postgres: Postgres, { name, table }: Model): Promise<string> {
  const [row] = await postgres.execute(
    name,
    `SELECT md5(string_agg(u::text, ',' ORDER BY u::text)) AS all FROM "${table}" u`,
  );
  return String(row?.all);
}
