import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Answer, Client } from '../fixtures/client.ts';
import { startDaemon } from '../fixtures/daemon.ts';
import { startMariaDb } from '../fixtures/mariadb.ts';
import { startPostgres } from '../fixtures/postgres.ts';

// Usernames in fields of other types than text, and usernames that are not unique: the daemon finds the account that
// Django finds, and none if Django raises an exception.

/** The fields of usernames.py, and the `username_match` that `djauthd import` writes for them. */
const FIELDS = { small: 'integer', integer: 'integer', big: 'integer', uuid: 'uuid', twins: 'exact' } as const;

const UUID = '123e4567-e89b-12d3-a456-426614174000';
const PARTS = [
  '7',
  '0',
  '10',
  '-',
  '+',
  '_',
  ' ',
  '\t',
  '\u00a0',
  '\u2007',
  '\u0667',
  '\uff17',
  '\u{1d7d5}',
  'x',
  'e',
  '.',
  ',',
];

const FEW = ['7', '0', '-', '_', ' '];

/** All texts of two parts, some of three, and what is special about a type. */
const USERNAMES = [
  ...PARTS.flatMap((a) => ['', ...PARTS].map((b) => a + b)),
  ...FEW.flatMap((a) => FEW.flatMap((b) => FEW.map((c) => a + b + c))),
  ...['0x7', '0b111', '0o7', '1e1', '7.0', 'NaN', 'Infinity', 'true', '32767', '32768', '2147483647', '2147483648'],
  ...['9007199254740992', '9007199254740993', '9007199254740994', '9223372036854775807', '9223372036854775808'],
  ...[
    '-9223372036854775808',
    '-9223372036854775809',
    '1'.repeat(40),
    '\ufeff7',
    '7\u200b',
    '²',
    '½',
    '\u{1F511}',
    "7' OR '1'='1",
  ],
  ...[UUID, UUID.replaceAll('-', ''), UUID.toUpperCase(), `{${UUID}}`, `urn:uuid:${UUID}`, `uuid:${UUID}`, `{${UUID}`],
  ...[`${UUID} `, `${UUID}0`, UUID.slice(1), UUID.replace('-', '--'), UUID.replace('1', 'g'), '7'.padStart(32, '0')],
  ...['alice', 'ALICE', 'bob', 'carol', 'nobody'],
];

/** The verdict; `busy` is none. */
async function ask(client: Client, site: string, username: string): Promise<Answer> {
  for (;;) {
    const answer = await client.check(username, 'secret', { site });
    if (answer.status !== 3) return answer;
    await sleep(10);
  }
}

async function compare(t: Test, url: string) {
  const script = join(import.meta.dirname, 'usernames.py');
  const found: Record<string, (number | string | null)[]> = JSON.parse(
    execFileSync('/usr/bin/python3', [script, url], { input: JSON.stringify(USERNAMES), encoding: 'utf8' }),
  );
  for (const match of ['imported', 'exact'] as const) {
    const sites = Object.entries(FIELDS).map(
      ([field, imported]) =>
        `[sites.${field}]\ndatabase = "${url}"\nusername_match = "${match === 'exact' ? 'exact' : imported}"\n` +
        `[sites.${field}.schema.user]\ntable = "${field}_users"\nid = "id"\nusername = "name"\npassword = "password"\nactive = false`,
    );
    const daemon = await startDaemon({
      config: `${sites.join('\n')}\n[cache]\naccount_ttl = 0\n[hash]\nmax_wait = "60s"\ndenial_grid = 0\n[throttle]\nenabled = false`,
    });
    t.teardown(() => daemon.stop());
    const client = await daemon.connect();
    for (const field of Object.keys(FIELDS)) {
      const differences: unknown[] = [];
      const counts: Record<string, number> = {};
      const answers: Answer[] = [];
      // A few at a time, within the capacity of the lanes.
      while (answers.length < USERNAMES.length) {
        const next = USERNAMES.slice(answers.length, answers.length + 64);
        answers.push(...(await Promise.all(next.map((username) => ask(client, field, username)))));
      }
      for (const [index, username] of USERNAMES.entries()) {
        const django = found[field]?.[index] ?? null;
        const { status, content } = answers[index] as Answer;
        const own = status === 0 ? Number(content.account.id) : status;
        // Without the key, a spelling that only Django's field reads is denied.
        const denied = match === 'exact' && typeof django === 'number' && status === 2;
        const agrees = typeof django === 'number' ? status === 0 && own === django : status !== 0;
        const asFault = django === 'MultipleObjectsReturned' ? status === 4 : true;
        const asDenial =
          django === null || (typeof django === 'string' && django !== 'MultipleObjectsReturned') ? status === 2 : true;
        if (!denied && !(agrees && asFault && asDenial)) differences.push([username, django, status, own]);
        const kind =
          typeof django === 'number'
            ? denied
              ? 'only Django'
              : 'found'
            : typeof django === 'string'
              ? 'raises'
              : 'none';
        counts[kind] = (counts[kind] ?? 0) + 1;
      }
      t.same(differences, [], `${field}, ${match}: ${JSON.stringify(counts)}`);
      t.ok((counts.found ?? 0) > 0);
    }
  }
}

t.test('SQLite', (t) => compare(t, `sqlite://${join(t.testdir(), 'site.sqlite3')}`));

t.test('PostgreSQL', async (t) => {
  const postgres = await startPostgres();
  t.teardown(() => postgres.stop());
  await compare(t, await postgres.createDatabase('site'));
});

t.test('MariaDB', async (t) => {
  const mariadb = await startMariaDb();
  t.teardown(() => mariadb.stop());
  await compare(t, await mariadb.createDatabase('site'));
});
