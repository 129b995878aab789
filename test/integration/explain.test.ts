import { execFile } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { parseExpression } from '../../daemon/policy/expression.ts';
import { connect } from '../fixtures/client.ts';
import { PROGRAM } from '../fixtures/daemon.ts';
import { expressions } from '../fixtures/expressions.ts';
import type { Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

const PASSWORD = 'korrekt pferd';

const PEOPLE: Person[] = [
  { username: 'alice', password: PASSWORD, isStaff: true, groups: ['Developers'], permissions: ['polls.can_vote'] },
  { username: 'bob', password: PASSWORD, groups: ['Developers', 'Banned'] },
  { username: 'boss', password: PASSWORD, isSuperuser: true },
  { username: 'gone', password: PASSWORD, isActive: false, isStaff: true },
  { username: 'sso' },
  { username: 'odd', encoded: 'rot13$salt$frperg' },
  { username: 'jörg', password: PASSWORD },
  { username: 'Anna', password: PASSWORD },
];
const GROUPS = { Developers: ['svn.commit', 'svn.view'], Banned: [], Empty: [] };

async function explainWorld(test: Test, config = '', cache = 'account_ttl = "1h"') {
  const world = await createWorld(test, PEOPLE, {
    groups: GROUPS,
    config: `[cache]\n${cache}\n[hash]\ndenial_grid = 0\n${config}`,
  });
  const run = async (args: string[], input?: string) => {
    const ran = promisify(execFile)(PROGRAM, ['explain', '--control', world.daemon.control, ...args], {
      encoding: 'utf8',
    });
    ran.child.stdin?.end(input ?? '');
    const { code, stdout, stderr } = await ran.then(
      (done) => ({ code: 0, ...done }),
      (error) => error as { code: number; stdout: string; stderr: string },
    );
    return { code, stdout, stderr };
  };
  const control = await connect(world.daemon.control);
  test.teardown(() => control.close());
  /** The trace, without the cost of a process. */
  const trace = async (username: string, more: object = {}) => {
    const { status, content } = await control.ask('explain', { username: Buffer.from(username), ...more });
    return { status, reason: content.reason, ...(content.trace ? JSON.parse(content.trace) : {}) };
  };
  return { ...world, run, trace };
}

t.test('the trace for reading', async (t) => {
  const { run, daemon, client } = await explainWorld(t);
  const alice = await run([
    'alice',
    '--staff',
    '--permission',
    'svn.commit',
    '--require',
    'all(django-group Developers, not django-group Banned)',
  ]);
  t.equal(alice.code, 0, alice.stderr);
  t.match(alice.stdout, /^"alice" at site: granted, given the right password\n/);
  t.match(alice.stdout, /account +"alice", primary key "1"\n/);
  t.match(alice.stdout, /password +pbkdf2_sha256\$1000, accepted; none was given: --password-stdin compares one\n/);
  t.match(alice.stdout, /required +is_active: met: is_active is set\n/);
  t.match(alice.stdout, /required +django-staff: met: is_staff is set\n/);
  t.match(alice.stdout, /required +django-permission svn\.commit: met: held by group "Developers"\n/);
  t.match(alice.stdout, /Require +all: met\n +django-group "?Developers"?: met: a member\n/);
  t.match(alice.stdout, /not django-group Banned: not met, and does not decide: the account is in "Developers"\n/);
  t.match(alice.stdout, /Apache +200: granted/);

  t.match(
    (await run(['bob'])).stdout,
    /Apache +200: granted: .*; 401 unless DjangoRequireStaffStatus is Off: it is On by default/,
    'granted here, and denied where nothing was said about staff',
  );
  t.notMatch((await run(['alice'])).stdout, /DjangoRequireStaffStatus/);
  const bob = await run(['bob', '--staff']);
  t.equal(bob.code, 1);
  t.match(bob.stdout, /^"bob" at site: denied \(not-staff\), given the right password\n/);
  t.match(bob.stdout, /django-staff: NOT MET: is_staff is not set\n/);
  t.match(bob.stdout, /Apache +401: not-staff: DjangoRequireStaffStatus is On unless it is switched Off/);

  const banned = await run(['bob', '--require', 'all(django-group Developers, not django-group Banned)']);
  t.equal(banned.code, 1);
  t.match(banned.stdout, /denied \(Require\)/);
  t.match(banned.stdout, /not django-group Banned: NOT MET: a member\n/);

  const wrong = await run(['alice', '--password-stdin', '--json'], 'falsch');
  t.equal(wrong.code, 1);
  t.match(JSON.parse(wrong.stdout), {
    ...{ password: 'given', verdict: { kind: 'denied', reason: 'wrong-password' }, apache: { status: 401 } },
    ...{ cache: { proof: 'none', account_ttl_ms: 3_600_000 }, hashing: { lane: 'other' } },
  });
  const right = await run(['alice', '--password-stdin'], `${PASSWORD}\n`);
  t.equal(right.code, 0, 'one newline at the end is no part of it');
  t.match(right.stdout, /^"alice" at site: granted\n[\s\S]*accepted; right\n/);
  for (const { stdout, stderr } of [wrong, right]) t.notMatch(stdout + stderr, /falsch|korrekt|\$1000\$/);

  const sentence = async (args: string[], code: number, expected: RegExp) => {
    const ran = await run(args);
    t.equal(ran.code, code, ran.stdout);
    t.match(ran.stderr, expected);
  };
  await sentence(
    ['alice', '--require', 'django-staf'],
    2,
    /^djauthd: --require: invalid expression: unknown requirement "django-staf"; accepted: /,
  );
  await sentence(['alice', '--site', 'sitte'], 2, /^djauthd: site "sitte" is not configured; did you mean "site"\?\n$/);
  await sentence(['alice', '--control', '/nowhere/control.sock'], 2, /^djauthd: no such control socket/);
  await sentence([], 2, /missing required argument 'user'/);
  await sentence(['x'.repeat(100_000)], 2, /^djauthd: the message has 100\d+ octets and a frame holds at most/);
  t.notMatch(daemon.log(), /falsch|korrekt|pferd/);

  const auth = await client.ask('explain', { username: Buffer.from('alice') });
  t.equal(auth.status, 5, 'not on the auth socket');
});

t.test('names, hashes, and what does not exist', async (t) => {
  const { trace } = await explainWorld(t);
  t.match(await trace('Alice'), {
    verdict: { reason: 'unknown-user' },
    account: null,
    names: [/there is an account "alice": .*the case differs/],
  });
  t.match(await trace('anna'), { names: [/there is an account "Anna": /] });
  t.match(await trace(' alice '), { names: [/there is an account "alice": .*spaces around it/] });
  t.match(await trace('jo\u0308rg'), { names: [/there is an account "jörg": .*another Unicode form/] });
  t.match(await trace('EXAMPLE\\alice'), { names: [/there is an account "alice": .*a domain in front/] });
  t.match(await trace('alice@EXAMPLE.COM'), { names: [/there is an account "alice": .*a realm or a domain behind/] });
  t.match(await trace('a:b'), { names: [/a colon, which HTTP Basic cannot carry/] });
  t.match(await trace('nobody'), { found: false, account: null });
  t.match(await trace('x'.repeat(2_000)), {
    ...{ verdict: { reason: 'too-long' }, found: null, account: null },
    names: [/more than .* octets, and is denied without a look/],
  });
  t.match(await trace('sso'), {
    verdict: { kind: 'denied', reason: 'unusable-password' },
    hash: { flaw: /no usable password/ },
  });
  t.match(await trace('odd'), {
    verdict: { reason: 'unverifiable-password' },
    hash: { flaw: /unknown algorithm "rot13"/ },
  });
  t.match(await trace('gone'), { verdict: { reason: 'inactive' }, requirements: [{ what: 'is_active', met: false }] });
  const asked = { require: { permissions: ['svn.comit'], groups: ['developers'] } };
  const missing = await trace('alice', asked);
  t.match(missing.requirements, [
    {},
    {
      met: false,
      because:
        'held neither directly nor by a group; the site has no permission "svn.comit"; did you mean "svn.commit"?',
    },
    {
      met: false,
      because: 'the account is in "Developers"; the site has no group "developers"; did you mean "Developers"?',
    },
  ]);
  t.match((await trace('boss', { require: { permissions: ['svn.comit'] } })).requirements[1], {
    met: true,
    because: /is_superuser is set, which is every permission, even one that does not exist/,
  });
  t.match((await trace('alice', { require: { permissions: ['polls.can_vote'] } })).requirements[1], {
    because: 'held directly',
  });
  t.match((await trace('boss', { require: { groups: ['Developers'] } })).requirements[1], {
    because: 'the account is in no group; a superuser is in no group to which it was not added',
  });
});

t.test('cache, lane and throttle: looked at, and left as they are', async (t) => {
  const { trace, client, site } = await explainWorld(
    t,
    '[throttle]\nname = 3\nname_refill = "1h"\nsource = 0\nsite = 0\n',
  );
  const given = (password: string) => ({ password: Buffer.from(password) });
  for (let guess = 0; guess < 20; guess++) await trace('alice', given(`explained ${guess}`));
  t.match(
    await trace('alice'),
    { throttle: { debtors: [{ kind: 'name', guesses: 0, burst: 3, waitMs: 0 }] } },
    'no guess is charged',
  );
  t.equal((await client.check('alice', PASSWORD)).status, 0);
  t.match(await trace('alice', given(PASSWORD)), {
    cache: { proof: 'right', snapshot_ms: Number },
    hashing: { lane: null },
  });
  site.setPassword('alice', PASSWORD);
  for (const _ of [1, 2]) await client.ask('ping');
  for (let guess = 0; guess < 3; guess++) await client.check('bob', `guess ${guess}`);
  t.equal((await client.check('bob', 'guess 3')).status, 3);
  const refused = await trace('bob', given(PASSWORD));
  t.match(refused, {
    ...{ verdict: { kind: 'granted' }, apache: { status: 429, why: /^throttled: / } },
    throttle: { debtors: [{ guesses: 3 }] },
  });
  t.ok(refused.throttle.debtors[0].waitMs > 3_000_000);
  t.equal((await client.check('bob', 'guess 4')).status, 3, 'to explain forgives nobody');
  t.equal((await client.check('bob', PASSWORD)).status, 0, 'but the proof of a right password is remembered');
  t.match(await trace('bob', given('guess 1')), { throttle: { paid: true }, apache: { status: 401 } });
});

t.test('a fault is neither a grant nor a denial', async (t) => {
  const { run, site, trace } = await explainWorld(t, '');
  site.database.exec('ALTER TABLE auth_user RENAME TO moved');
  const told = await run(['alice']);
  t.match(told.stdout, /account +not known: no account was looked at\n/, 'not that nobody has the name');
  t.match(told.stdout, /cache +nothing is known from the database; /);
  const ran = await run(['carol', '--json']);
  t.equal(ran.code, 2);
  t.match(JSON.parse(ran.stdout), {
    verdict: { kind: 'error', reason: /no such table: auth_user/ },
    apache: { status: 500 },
  });
  t.match(await trace('carol', { deadline_ms: 1 }), { verdict: { kind: /busy|error/ } });
});

t.test('while the database is away, what was known is said to decide', async (t) => {
  const { run, client, directory } = await explainWorld(t, '', 'account_ttl = "50ms"\nstale_if_error = "1h"');
  t.equal((await client.check('alice', PASSWORD)).status, 0);
  renameSync(join(directory, 'db.sqlite3'), join(directory, 'away'));
  await sleep(100);
  const { code, stdout } = await run(['alice', '--password-stdin'], PASSWORD);
  t.equal(code, 0, stdout);
  t.match(stdout, /accepted; right\n/);
  t.match(stdout, /cache +the database is away: the account is as it was last known \(cache\.stale_if_error\)\n/);
});

t.test("the verdict is check's, whoever asks for whatever", async (t) => {
  const { trace, client } = await explainWorld(t, '[throttle]\nenabled = false\n');
  const name = fc.constantFrom(...PEOPLE.map(({ username }) => username), 'nobody', 'Alice');
  const subset = <T>(values: T[]) => fc.subarray(values, { minLength: 1, maxLength: 2 });
  const require = fc.record(
    {
      staff: fc.boolean(),
      superuser: fc.boolean(),
      permissions: subset(['svn.commit', 'polls.can_vote', 'no.such']),
      groups: subset(['Developers', 'Banned', 'Empty', 'none']),
    },
    { requiredKeys: [] },
  );
  const password = fc.constantFrom(PASSWORD, 'wrong', undefined);
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(name, password, require, async (username, word, required) => {
      const given = word === undefined ? {} : { password: Buffer.from(word) };
      const explained = await trace(username, { ...given, require: required });
      // Without a password: what the right one gets.
      const checked = await client.ask('check', {
        username: Buffer.from(username),
        password: Buffer.from(word ?? PASSWORD),
        require: required,
      });
      const kind = ['granted', 'denied', 'denied', 'busy', 'error'][checked.status];
      seen.add(`${explained.verdict.reason ?? explained.verdict.kind}`);
      if (explained.verdict.kind !== kind || explained.verdict.reason !== checked.content.reason) {
        throw new Error(`${username} ${word}: ${JSON.stringify([explained.verdict, checked])}`);
      }
      // The steps say the same as the verdict.
      const met = explained.requirements.every((step: { met: boolean }) => step.met);
      if (kind === 'granted' && !met) throw new Error('granted, although a step is not met');
      if (
        ['inactive', 'not-staff', 'not-superuser', 'no-permission', 'no-group'].includes(checked.content.reason) &&
        met
      )
        throw new Error('denied, although each step is met');
    }),
    { numRuns: 400 },
  );
  t.ok(seen.size >= 8, [...seen].join());
});

t.test('an expression comes to what authorize says of its lines', async (t) => {
  const { trace, client } = await explainWorld(t);
  const required: Record<string, object> = {
    'django-staff': { staff: true },
    'django-superuser': { superuser: true },
    'django-group Developers': { groups: ['Developers'] },
    'django-group Banned': { groups: ['Banned'] },
    'django-permission svn.commit': { permissions: ['svn.commit'] },
    'valid-user': {},
  };
  /** By plain logic: for an expression without faults httpd's three values come to it. */
  const meets = async (username: string, part: ReturnType<typeof parseExpression>): Promise<boolean> => {
    if (part.kind === 'line') {
      const text = part.text.replace(/^not /, '');
      const { status } = await client.authorize(username, { require: required[text] });
      return (status === 0) !== part.negated;
    }
    const inner = await Promise.all(part.inner.map((each) => meets(username, each)));
    return part.kind === 'all'
      ? inner.every(Boolean)
      : part.kind === 'any'
        ? inner.some(Boolean)
        : !inner.some(Boolean);
  };
  const kinds = new Set<string>();
  await fc.assert(
    fc.asyncProperty(expressions, fc.constantFrom('alice', 'bob', 'boss', 'Anna'), async (text, username) => {
      const explained = await trace(username, { expression: text });
      const granted = await meets(username, parseExpression(text));
      kinds.add(explained.verdict.kind);
      if ((explained.verdict.kind === 'granted') !== granted) throw new Error(`${username}: ${text}`);
    }),
    { numRuns: 150 },
  );
  t.equal(kinds.size, 2);
});

t.test('names from the database cannot steer a terminal or look like something else', async (t) => {
  const { run, site } = await explainWorld(t);
  const evil = 'e\u001b[2J\u009b31m\u202e", primary key "9';
  site.database.prepare('UPDATE auth_group SET name = ? WHERE name = ?').run('a\u001b[2Jb', 'Developers');
  site.database.prepare('UPDATE auth_user SET username = ? WHERE username = ?').run(evil, 'bob');
  const { code, stdout } = await run([evil, '--group', 'none']);
  t.equal(code, 1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  t.notMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  t.match(stdout, /account +"e\\u\{1b\}\[2J\\u\{9b\}31m\\u\{202e\}\\", primary key \\"9", primary key "2"\n/);
});

t.test('a password typed at a terminal is not shown, and can be corrected', async (t) => {
  const { daemon } = await explainWorld(t);
  const args = [PROGRAM, 'explain', '--control', daemon.control, 'alice', '--password-stdin'];
  const typed = async (keys: string) => {
    const ran = promisify(execFile)('python3', ['-c', TERMINAL, keys, ...args], { encoding: 'utf8' });
    return (await ran).stdout;
  };
  const right = await typed(`wrong\u0015${PASSWORD}xé\u007f\u007f\r`);
  t.match(right, /^Password: \r\n"alice" at site: granted\r\n/);
  t.notMatch(right, /korrekt/);
  t.match(await typed(`${PASSWORD}x\r`), /WRONG/);
  t.match(await typed('kor\u0003'), /djauthd: interrupted/);
});

/** Types what its first argument says once the program asks, and prints what a terminal would show. */
const TERMINAL = `
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[2], sys.argv[2:])
shown = b""
while not shown.endswith(b"Password: "): shown += os.read(terminal, 1024)
time.sleep(0.5)
os.write(terminal, sys.argv[1].encode())
try:
    while chunk := os.read(terminal, 1024): shown += chunk
except OSError: pass
os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
`;
