import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { startDaemon, waitFor } from '../fixtures/daemon.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { createSite, createSiteOnPostgres, encodePbkdf2, type Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

const PEOPLE: Person[] = [
  {
    username: 'alice',
    password: 'secret',
    isStaff: true,
    groups: ['Editors'],
    permissions: ['shop.view_order'],
    email: 'alice@example.com',
    firstName: 'Alice',
    lastName: 'Liddell',
  },
  { username: 'bob', password: 'secret' },
  { username: 'carol', password: 'secret', isStaff: true, isActive: false },
  { username: 'dave', password: 'secret', isSuperuser: true },
  { username: 'erin', encoded: '!unusable' },
  { username: 'frank', encoded: 'pbkdf2_sha256$01000$salt$x' },
  { username: 'josé', password: 'pässword' },
];
const GROUPS = { Editors: ['shop.change_order'] };

t.test('verdicts and their reasons', async (t) => {
  const { client, daemon, stats } = await createWorld(t, PEOPLE, { groups: GROUPS });
  const denied = async (reason: string, answer: ReturnType<typeof client.check>, status = 1) =>
    t.same(await answer, { status, content: { reason } }, reason);

  const granted = await client.check('alice', 'secret', { require: { staff: true }, want: ['permissions'] });
  t.same(granted, {
    status: 0,
    content: {
      account: {
        id: '1',
        username: 'alice',
        email: 'alice@example.com',
        first_name: 'Alice',
        last_name: 'Liddell',
        staff: true,
        superuser: false,
        groups: ['Editors'],
        permissions: ['shop.change_order', 'shop.view_order'],
      },
    },
  });
  await denied('wrong-password', client.check('alice', 'Secret'));
  await denied('wrong-password', client.check('alice', ''));
  await denied('wrong-password', client.check('alice', 'secret\n'));
  await denied('unknown-user', client.check('Alice', 'secret'), 2);
  await denied('unknown-user', client.check('alice\0', 'secret'), 2);
  await denied('unknown-user', client.check('', 'secret'), 2);
  await denied('too-long', client.check('a'.repeat(1025), 'secret'));
  await denied('too-long', client.check('alice', 'x'.repeat(32_769)));
  await denied('inactive', client.check('carol', 'secret'));
  await denied('wrong-password', client.check('carol', 'wrong'));
  await denied('unusable-password', client.check('erin', 'secret'));
  await denied('unverifiable-password', client.check('frank', 'secret'));
  await denied('not-staff', client.check('bob', 'secret', { require: { staff: true } }));
  await denied('not-staff', client.check('dave', 'secret', { require: { staff: true, superuser: true } }));
  await denied('not-superuser', client.check('alice', 'secret', { require: { superuser: true } }));
  await denied('no-permission', client.check('bob', 'secret', { require: { permissions: ['shop.view_order'] } }));
  await denied('no-group', client.check('dave', 'secret', { require: { groups: ['Editors'] } }));
  t.equal((await client.check('dave', 'secret', { require: { permissions: ['no.such'] } })).status, 0);
  t.equal(
    (await client.check('alice', 'secret', { require: { permissions: ['x.y', 'shop.change_order'] } })).status,
    0,
  );
  for (const [name, password] of [
    ['josé', 'pässword'],
    [Buffer.from('josé', 'latin1'), Buffer.from('pässword', 'latin1')],
  ] as const) {
    t.equal((await client.check(name, password)).content.account?.username, 'josé', 'in UTF-8 and in Latin-1');
  }
  t.equal((await client.check('josé'.normalize('NFD'), 'pässword')).status, 2, 'nothing is normalised');

  t.equal((await client.authorize('alice', { require: { groups: ['Editors'] } })).status, 0);
  await denied('inactive', client.authorize('carol'));
  await denied('unknown-user', client.authorize('nobody'), 2);
  t.equal((await client.authorize('erin')).status, 0, 'the client has authenticated the user');

  const other = await client.check('alice', 'secret', { site: 'other' });
  t.equal(other.status, 4, 'a site that is not configured is a fault');
  t.match(other.content.reason, /other/);
  t.equal((await client.check('alice', 'secret', { site: 'site' })).status, 0);

  // One line per verdict, and no password anywhere.
  const { granted: admitted = 0, denied: refused = 0, error: faults = 0 } = await stats();
  const written = () => daemon.lines().filter(({ msg }) => ['granted', 'denied', 'error'].includes(msg));
  await waitFor(() => written().length >= admitted + refused + faults);
  const lines = written();
  t.equal(lines.length, admitted + refused + faults);
  t.equal(faults, 1);
  t.match(lines[0], { level: 30, site: 'site', user: 'alice', service: '', address: '', ms: Number, cached: false });
  for (const form of ['secret', Buffer.from('secret').toString('base64'), Buffer.from('secret').toString('hex')]) {
    t.notMatch(daemon.log(), form);
  }
  t.notMatch(daemon.log(), /pbkdf2_sha256\$/, 'and no encoded hash');
});

t.test('which questions cost a hash', async (t) => {
  const { client, stats, site } = await createWorld(t, PEOPLE, { iterations: 600_000 });
  const hashes = async (question: () => Promise<unknown>) => {
    const before = (await stats()).hashes ?? 0;
    const startedAt = performance.now();
    await question();
    const ms = performance.now() - startedAt;
    return { count: ((await stats()).hashes ?? 0) - before, ms };
  };
  const first = await hashes(() => client.check('alice', 'secret'));
  const second = await hashes(() => client.check('alice', 'secret'));
  t.equal(first.count, 1);
  t.equal(second.count, 0, 'the second question is not hashed');
  t.comment(`600,000 iterations: first ${first.ms.toFixed(1)} ms, second ${second.ms.toFixed(2)} ms`);
  for (const name of ['alice', 'nobody', 'carol', 'erin', 'frank']) {
    t.equal((await hashes(() => client.check(name, 'guess'))).count, 1, `${name}: a guess costs one hash`);
    t.equal((await hashes(() => client.check(name, 'guess'))).count, 0, `${name}: the same guess again costs none`);
  }
  const many = await hashes(() => Promise.all(Array.from({ length: 20 }, () => client.check('bob', 'secret'))));
  t.equal(many.count, 1, 'equal questions at the same time share one');
  t.equal((await hashes(() => client.authorize('alice'))).count, 0, 'authorize costs none');
  site.setPassword('alice', 'new', 600_000);
  await sleep(1100);
  t.equal((await hashes(() => client.check('alice', 'secret'))).count, 1, 'an old proof does not hold for a new hash');
});

t.test('a change takes effect within account_ttl', async (t) => {
  for (const [ttl, ms] of [
    ['"1s"', 1050],
    ['0', 0],
  ] as const) {
    const { client, site } = await createWorld(t, PEOPLE, {
      groups: GROUPS,
      config: `[cache]\naccount_ttl = ${ttl}`,
    });
    const status = async (name: string, password: string, require = {}) =>
      (await client.check(name, password, { require })).status;
    t.equal(await status('alice', 'secret'), 0);
    t.equal(await status('bob', 'secret'), 0);
    t.equal(await status('alice', 'new'), 1);
    t.equal(await status('alice', 'secret', { groups: ['Editors'] }), 0);
    t.equal(await status('zoe', 'secret'), 2);

    site.setPassword('alice', 'new');
    site.update('bob', { isActive: false });
    site.add({ username: 'zoe', password: 'secret' });
    await sleep(ms);
    t.equal(await status('alice', 'secret'), 1, `${ttl}: the old password is refused`);
    t.equal(await status('alice', 'new'), 0, `${ttl}: the new one is accepted`);
    t.equal(await status('bob', 'secret'), 1, `${ttl}: deactivated`);
    t.equal(await status('zoe', 'secret'), 0, `${ttl}: a new account`);

    site.update('alice', { groups: [] });
    site.update('bob', { isActive: true });
    await sleep(ms);
    t.equal(await status('alice', 'new', { groups: ['Editors'] }), 1, `${ttl}: a lost group`);
    t.equal(await status('alice', 'new', { permissions: ['shop.change_order'] }), 1, `${ttl}: and its permission`);
    t.equal(await status('bob', 'secret'), 0, `${ttl}: activated again`);
    site.setPassword('alice', 'secret');
    await sleep(ms);
    t.equal(await status('alice', 'new'), 1, `${ttl}: and back`);
    t.equal(await status('alice', 'secret'), 0, `${ttl}: and back`);
  }
});

t.test('changes during the hash count', async (t) => {
  // Long enough for a busy machine to make the changes in between.
  const iterations = 4_000_000;
  const hash = encodePbkdf2('secret', { iterations });
  const anew = encodePbkdf2('secret', { iterations });
  const other = encodePbkdf2('new', { iterations });
  const people = ['gone', 'deactivated', 'changed', 'stays'].map((username) => ({ username, encoded: hash }));
  const { client, site, stats } = await createWorld(t, people, { config: '[cache]\naccount_ttl = 0' });
  const during = async (name: string, password: string, change: () => void) => {
    const before = (await stats()).hashes;
    const answer = client.check(name, password);
    await waitFor(async () => (await stats()).hashes_running === 1);
    change();
    t.equal((await stats()).hashes, before, `${name}: the hash is under way`);
    const { status, content } = await answer;
    return { status, reason: content.reason };
  };
  t.same(await during('gone', 'secret', () => site.remove('gone')), { status: 2, reason: 'unknown-user' });
  const deactivated = () => site.update('deactivated', { isActive: false });
  t.same(await during('deactivated', 'secret', deactivated), { status: 1, reason: 'inactive' });
  const changed = () => site.update('changed', { encoded: other });
  t.same(await during('changed', 'secret', changed), { status: 1, reason: 'wrong-password' });
  const back = () => site.update('changed', { encoded: anew });
  t.equal((await client.check('changed', 'secret')).status, 1);
  t.same(await during('changed', 'third', back), { status: 1, reason: 'wrong-password' });
  t.equal((await client.check('changed', 'secret')).status, 0);
  // As Django does when a user with a hash of older settings logs in.
  const rehashed = () => site.update('stays', { encoded: anew });
  t.equal((await during('stays', 'secret', rehashed)).status, 0, 'the same password, hashed again');
});

t.test('text in SQLite that is not UTF-8 is a fault, as in Django', async (t) => {
  const { client, site } = await createWorld(
    t,
    ['email', 'password', 'group', 'permission', 'mark'].map((username) => ({
      username,
      password: 'secret',
      groups: username === 'group' ? ['marred'] : [],
      permissions: username === 'permission' ? ['app.marred'] : [],
      email: username === 'mark' ? '\ufffd@example.com' : '',
    })),
    { config: '[cache]\naccount_ttl = 0' },
  );
  t.equal((await client.check('email', 'secret')).status, 0);
  const marred = `cast(x'6d61ff' as text)`;
  site.database.exec(`
    update auth_user set email = ${marred} where username = 'email';
    update auth_user set password = ${marred} where username = 'password';
    update auth_group set name = ${marred} where name = 'marred';
    update auth_permission set codename = ${marred} where codename = 'marred'`);
  for (const [name, column] of Object.entries({
    email: 'email',
    password: 'password',
    group: 'groups',
    permission: 'direct',
  })) {
    const { status, content } = await client.check(name, 'secret');
    t.same([status, content.reason], [4, `the account's ${column} is not UTF-8`], name);
  }
  t.equal((await client.check('mark', 'secret')).status, 0, 'the replacement character itself is ordinary text');
});

t.test('a database that cannot be read is a fault', async (t) => {
  const world = await createWorld(t, PEOPLE, { config: 'timeout = "1s"\n[cache]\naccount_ttl = 0' });
  const { client, site, directory } = world;
  t.equal((await client.check('alice', 'secret')).status, 0);

  site.database.exec('BEGIN EXCLUSIVE');
  const locked = client.check('alice', 'secret');
  let slowest = 0;
  for (let i = 0; i < 20; i++) {
    const startedAt = performance.now();
    await client.ask('ping');
    slowest = Math.max(slowest, performance.now() - startedAt);
    await sleep(5);
  }
  const answer = await locked;
  t.equal(answer.status, 4, 'locked for longer than the timeout');
  t.match(answer.content.reason, /locked/);
  t.comment(`the slowest ping while the database was locked: ${slowest.toFixed(1)} ms`);

  // However many questions wait for the lock, the daemon answers others.
  const many = Array.from({ length: 60 }, (_, i) => client.check(`nobody ${i}`, 'x'));
  const others = await world.daemon.connect();
  let pings = 0;
  let waiting = true;
  const locked60 = Promise.all(many).finally(() => {
    waiting = false;
  });
  for (; waiting; pings++) await others.ask('ping');
  t.ok(pings > 20, `${pings} pings were answered while 60 questions waited for the lock`);
  t.ok((await locked60).every(({ status }) => status === 4));
  const patient = client.check('alice', 'secret');
  await sleep(50);
  site.database.exec('COMMIT');
  t.equal((await patient).status, 0, 'a question waits for a short lock');

  const path = join(directory, 'db.sqlite3');
  site.close();
  renameSync(path, `${path}.away`);
  t.equal((await client.check('alice', 'secret')).status, 4, 'no file');
  const restored = createSite(path, [{ username: 'alice', password: 'restored' }]);
  t.equal((await client.check('alice', 'secret')).status, 1, 'another file in its place is read');
  t.equal((await client.check('alice', 'restored')).status, 0);
  restored.database.exec('DROP TABLE auth_group_permissions');
  t.equal((await client.check('alice', 'restored')).status, 4, 'a table is missing');
  restored.close();
  rmSync(path);
  renameSync(`${path}.away`, path);
  t.equal((await client.check('alice', 'secret')).status, 0, 'the file is back');
});

t.test('a full queue is busy, and other clients do not starve a returning user', async (t) => {
  const { client, stats } = await createWorld(t, PEOPLE, {
    iterations: 1_000_000,
    config: '[hash]\nworkers = 1\nqueue = 5\n[cache]\nproof_ttl = "1ms"\n[throttle]\nenabled = false',
  });
  t.equal((await client.check('alice', 'secret')).status, 0);
  await sleep(5);
  const spray = Array.from({ length: 40 }, (_, i) => client.check('bob', `guess ${i}`));
  const known = client.check('alice', 'secret');
  const answers = await Promise.all(spray);
  const busy = answers.filter(({ status }) => status === 3);
  t.equal(answers.filter(({ status }) => status === 1).length + busy.length, 40, 'denied or busy, nothing else');
  t.ok(busy.length >= 30, `${busy.length} of 40 were busy`);
  t.ok(busy.every(({ content }) => content.reason === 'queue-full' && content.retry_after >= 1));
  t.equal((await known).status, 0, 'a returning user is granted');
  const late = await client.check('bob', 'with a deadline', { deadline_ms: 1 });
  t.ok([1, 3].includes(late.status), 'a deadline is busy or a verdict');
  await client.check('bob', 'with a deadline'); // what was begun for it goes on
  const before = (await stats()).hashes ?? 0;
  const blocker = client.check('bob', 'blocks');
  const dropped = await client.check('bob', 'dropped', { deadline_ms: 1 });
  t.same(dropped.content.reason, 'deadline', 'a job whose deadline is over is dropped');
  await blocker;
  t.equal(((await stats()).hashes ?? 0) - before, 1, 'and not computed');
});

t.test('a hash that would stop the machine is a fault', async (t) => {
  const people = [
    { username: 'iterations', encoded: encodePbkdf2('x', { iterations: 1 }).replace('$1$', '$2000000000$') },
    { username: 'rounds', encoded: `bcrypt$$2b$31$${'a'.repeat(21)}.${'a'.repeat(31)}` },
    { username: 'memory', encoded: 'argon2$argon2id$v=19$m=2000000000,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2g' },
    { username: 'alice', password: 'secret' },
  ];
  const { client } = await createWorld(t, people, { config: 'hashers = "django-1.10"' });
  for (const { username } of people.slice(0, 3)) {
    const { status, content } = await client.check(username, 'x');
    t.equal(status, 4, username);
    t.match(content.reason, /hash\.max_/);
  }
  t.equal((await client.check('alice', 'secret')).status, 0);
});

t.test('an account in write-ahead mode is read while it is written', async (t) => {
  const { client, site } = await createWorld(t, PEOPLE, { wal: true, config: '[cache]\naccount_ttl = 0' });
  site.database.exec('BEGIN IMMEDIATE');
  site.database.exec("UPDATE auth_user SET is_active = 0 WHERE username = 'alice'");
  t.equal((await client.check('alice', 'secret')).status, 0, 'uncommitted changes do not count');
  site.database.exec('COMMIT');
  await waitFor(async () => (await client.check('alice', 'secret')).status === 1);
  t.pass('committed ones do');
});

t.test('an account that a slow database answers too late does not decide', async (t) => {
  const postgres = await startPostgres();
  t.teardown(() => postgres.stop());
  const url = await postgres.createDatabase('site');
  const site = await createSiteOnPostgres(url, [{ username: 'alice', password: 'secret' }]);
  await site.close();
  const run = (sql: string) => postgres.execute('site', sql);
  // A statement sees the rows as of its beginning, and then takes its time.
  await run('CREATE TABLE delay (seconds float); INSERT INTO delay VALUES (0)');
  await run('ALTER TABLE auth_user RENAME TO people');
  await run('CREATE VIEW auth_user AS SELECT people.* FROM people, (SELECT pg_sleep(seconds) FROM delay) AS waits');
  const daemon = await startDaemon({
    config: `[sites.site]\ndatabase = "${url}"\ntimeout = "9s"\n[cache]\naccount_ttl = "1s"`,
  });
  t.teardown(() => daemon.stop());
  const client = await daemon.connect();
  t.equal((await client.check('alice', 'secret')).status, 0);

  for (const ask of [() => client.check('alice', 'secret'), () => client.authorize('alice')]) {
    await run('UPDATE people SET is_active = true; UPDATE delay SET seconds = 1.5');
    await sleep(1_100);
    const asked = ask();
    const joined = ask();
    await sleep(300);
    await run('UPDATE people SET is_active = false; UPDATE delay SET seconds = 0');
    for (const answer of [await asked, await joined]) {
      t.same([answer.status, answer.content.reason], [1, 'inactive'], 'read again');
    }
    await run('UPDATE delay SET seconds = 1.5');
    await sleep(1_100);
    const { status, content } = await ask();
    t.equal(status, 4, 'too late twice: a fault, not a denial');
    t.match(content.reason, /the database answers too late/);
  }
});
