import { userInfo } from 'node:os';
import t, { type Test } from 'tap';
import { pairsOf, textsOf } from '../../daemon/store/mysql/list.ts';
import { startDaemon, waitFor } from '../fixtures/daemon.ts';
import { MYSQL, startMariaDb } from '../fixtures/mariadb.ts';
import { createSiteOnMariaDb, encodePbkdf2, type Person } from '../fixtures/site.ts';

t.test('a truncated list is a fault, never a shorter list', async (t) => {
  const hex = (text: string) => Buffer.from(text).toString('hex').toUpperCase();
  const names = ['Editors', '', 'Prüfer \u{1F511}', 'a.b;c:d'];
  const texts = `4:${names.map((name) => `${hex(name)};`).join('')}`;
  t.same(textsOf(texts), names);
  const pairs = `2:${hex('shop')}.${hex('view.order')};.;`;
  t.same(pairsOf(pairs), [
    ['shop', 'view.order'],
    ['', ''],
  ]);
  t.same(textsOf('0:'), []);
  for (const [whole, read] of [
    [texts, textsOf],
    [pairs, pairsOf],
  ] as const) {
    for (let length = 0; length < whole.length; length++) t.throws(() => read(whole.slice(0, length)));
  }
  for (const list of [null, undefined, '', '1:', '0:;', '2:41;', '1:41;42;', '1:4;1', 4, '1:zz;', '[]']) {
    t.throws(() => textsOf(list), `${list}`);
  }
  t.throws(() => pairsOf('1:41;'));
});

const mariadb = await startMariaDb();
t.teardown(() => mariadb.stop());

/** A site in a database of its own on the shared server. */
async function siteFor(t: Test, name: string, people: Person[], groups: Record<string, string[]> = {}) {
  const url = await mariadb.createDatabase(name);
  const site = await createSiteOnMariaDb(url, people, { groups });
  t.teardown(() => site.close().catch(() => {}));
  return { url, site, run: (sql: string) => mariadb.execute(name, sql) };
}

async function daemonFor(t: Test, url: string, rest = '', cache = 'account_ttl = 0') {
  const daemon = await startDaemon({ config: `[sites.site]\ndatabase = "${url}"\n${rest}\n[cache]\n${cache}` });
  t.teardown(() => daemon.stop());
  return { daemon, client: await daemon.connect() };
}

t.test('names and rights', async (t) => {
  const people: Person[] = [
    { username: 'Alice', password: 'secret', permissions: ['shop.view_order'], groups: ['Editors'] },
    { username: '\u{1F511}漢字', password: 'secret' },
    { username: 'josé', password: 'secret' },
    { username: "o'brien\\", password: 'secret' },
    { username: '0', password: 'zero' },
  ];
  const { url, site, run } = await siteFor(t, 'names', people, { Editors: ['shop.change_order'] });
  const { client, daemon } = await daemonFor(t, url);
  const named = async (name: string | Buffer, password = 'secret') => {
    const { status, content } = await client.check(name, password);
    return status === 0 ? content.account.username : status;
  };
  t.equal(await named('Alice'), 'Alice');
  t.equal(await named('ALICE'), 'Alice', 'compared by the column, returned in the spelling of the database');
  t.equal(await named('alice '), MYSQL ? 2 : 'Alice', "MySQL's newer collations compare trailing blanks");
  t.equal(await named(' alice'), 2);
  t.equal(await named('\u{1F511}漢字'), '\u{1F511}漢字');
  t.equal(await named('jose'), 'josé');
  t.equal(await named(Buffer.from('josé', 'latin1')), 'josé');
  t.equal(await named("o'brien\\"), "o'brien\\");
  t.equal(await named('0', 'zero'), '0');
  for (const name of ["' OR '1'='1", '\\', "\\' OR 1=1 -- ", 'alice\0', '%', '_', '00', '0.0', '', '0x30', "x'30'"]) {
    t.equal(await named(name), 2, JSON.stringify(name));
  }
  const may = async (permission: string) =>
    (await client.authorize('ALICE', { require: { permissions: [permission] } })).status;
  t.same([await may('shop.view_order'), await may('shop.change_order')], [0, 0]);
  t.same([await may('shop.View_order'), await may('shop.view_order ')], [1, 1], 'permissions are compared exactly');
  const within = async (group: string) => (await client.authorize('alice', { require: { groups: [group] } })).status;
  t.same([await within('Editors'), await within('editors')], [0, 1]);

  // Server modes under which the statements would mean something else.
  await run("SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'");
  await run('SET GLOBAL character_set_client = latin1, GLOBAL collation_connection = latin1_bin');
  t.teardown(() => run('SET GLOBAL sql_mode = DEFAULT'));
  const strange = await daemonFor(t, url);
  t.equal((await strange.client.check("o'brien\\", 'secret')).status, 0);
  t.equal((await strange.client.check("\\' OR 1=1 -- ", 'secret')).status, 2);
  t.equal((await strange.client.check('\u{1F511}漢字', 'secret')).status, 0);

  // A grant for one spelling says nothing about the snapshot of another.
  const slow = await daemonFor(t, url, '', 'account_ttl = "1h"');
  t.equal((await slow.client.check('alice', 'secret')).status, 0);
  await site.update('Alice', { isActive: false });
  t.equal((await slow.client.check('ALICE', 'secret')).status, 1, 'another spelling has a snapshot of its own');
  t.equal((await client.check('alice', 'secret')).status, 1);
  t.notMatch(daemon.log(), /secret/);
});

t.test('long lists are complete', async (t) => {
  const long = (number: number) => `Grüppe ${String(number).padStart(5, '0')} ${'x'.repeat(60)}`;
  const groups = Object.fromEntries(Array.from({ length: 3000 }, (_, number) => [long(number), []]));
  const { url, run } = await siteFor(t, 'lists', [{ username: 'alice', password: 'secret' }], groups);
  await run('INSERT INTO auth_user_groups (user_id, group_id) SELECT 1, id FROM auth_group');
  await run('SET GLOBAL group_concat_max_len = 4');
  const { client } = await daemonFor(t, url);
  const all = await client.check('alice', 'secret', { require: { groups: [long(2999)] } });
  t.equal(all.status, 0, 'the last of the groups is required');
  t.match(all.content.account, { groups_omitted: true }, 'the list does not fit a reply');
  t.equal((await client.check('alice', 'secret', { require: { groups: [long(3000)] } })).status, 1, 'no such group');
  await run('DELETE FROM auth_user_groups WHERE group_id % 10 > 0');
  const { status, content } = await client.check('alice', 'secret');
  t.equal(status, 0);
  t.equal(content.account.groups.length, 300);
});

t.test('the daemon only reads, and within the time limit', async (t) => {
  const { url, run } = await siteFor(t, 'reads', [{ username: 'alice', password: 'secret' }]);
  await run(
    `CREATE TABLE written (n INT);
     DELIMITER //
     CREATE FUNCTION writes() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO written VALUES (1); RETURN 1; END//
     DELIMITER ;
     CREATE VIEW writing AS SELECT id, username, password, writes() AS is_active FROM auth_user;
     CREATE VIEW sleeping AS SELECT id, username, password, 1 - sleep(30) AS is_active FROM auth_user;`,
  );
  const schema = (table: string) =>
    `timeout = "700ms"\n[sites.site.schema.user]\ntable = "${table}"\nid = "id"\nusername = "username"\n` +
    'password = "password"\nactive = "is_active"';
  const writing = await daemonFor(t, url, schema('writing'));
  t.match(await writing.client.check('alice', 'secret'), { status: 4, content: { reason: /READ ONLY transaction/ } });
  t.equal(await run('SELECT count(*) FROM written'), '0\n');

  const sleeping = await daemonFor(t, url, schema('sleeping'));
  const startedAt = performance.now();
  t.equal((await sleeping.client.check('alice', 'secret')).status, 4);
  t.ok(performance.now() - startedAt < 20_000, 'a statement that takes too long is abandoned');
  const asleep = "SELECT count(*) FROM information_schema.processlist WHERE db = 'reads' AND command = 'Execute'";
  await waitFor(async () => Number(await run(asleep)) === 0, 10_000);
  t.pass('and stopped by the server');
});

t.test('columns of other types', async (t) => {
  const url = await mariadb.createDatabase('columns');
  const hash = encodePbkdf2('secret', { iterations: 10 });
  await mariadb.execute(
    'columns',
    `CREATE TABLE old (id BIGINT UNSIGNED, name VARCHAR(30) CHARACTER SET utf8mb3, hash VARCHAR(128));
     INSERT INTO old VALUES (18446744073709551615, 'josé', '${hash}');
     CREATE TABLE latin (id INT, name VARCHAR(30) CHARACTER SET latin1, hash VARCHAR(128) CHARACTER SET latin1);
     INSERT INTO latin VALUES (1, 'josé', '${hash}');
     CREATE TABLE numbers (id INT, name INT, hash VARCHAR(128));
     INSERT INTO numbers VALUES (1, 0, '${hash}'), (2, 12, '${hash}');
     CREATE TABLE exact (id INT, name VARCHAR(30) COLLATE utf8mb4_bin, hash VARCHAR(128) COLLATE utf8mb4_bin);
     INSERT INTO exact VALUES (1, 'alice', '${hash}');`,
  );
  const serve = async (table: string, options = '') => {
    const schema = `[sites.site.schema.user]\ntable = "${table}"\nid = "id"\nusername = "name"\npassword = "hash"\nactive = false`;
    return (await daemonFor(t, url + options, schema)).client;
  };
  const old = await serve('old');
  t.match(await old.check('JOSÉ', 'secret'), {
    status: 0,
    content: { account: { id: '18446744073709551615', username: 'josé' } },
  });
  t.equal((await old.check('nobody', 'secret')).status, 2);
  t.equal((await old.check('\u{1F511}', 'secret')).status, 2, 'the column cannot hold such a username');
  const latin = await serve('latin');
  t.match(await latin.check('josé', 'secret'), { status: 0, content: { account: { username: 'josé' } } });
  t.equal((await latin.check('漢', 'secret')).status, 2);
  const inLatin = await serve('latin', '&charset=latin1');
  t.match(await inLatin.check('josé', 'secret'), { status: 0, content: { account: { username: 'josé' } } });
  const numbers = await serve('numbers');
  t.equal((await numbers.check('12', 'secret')).status, 0);
  t.equal((await numbers.check('0', 'secret')).status, 0);
  for (const name of [' 12', '012']) t.equal((await numbers.check(name, 'secret')).status, 0, `"${name}" is 12`);
  for (const name of ['alice', '12abc', '12.0', '']) {
    t.equal((await numbers.check(name, 'secret')).status, 2, `${JSON.stringify(name)} is no account's number`);
  }
  const exact = await serve('exact');
  t.equal((await exact.check('alice', 'secret')).status, 0);
  t.equal((await exact.check('ALICE', 'secret')).status, 2);
});

t.test('connections', async (t) => {
  const { url, run } = await siteFor(t, 'crowd', [{ username: 'alice', password: 'secret' }]);
  const { client } = await daemonFor(t, url, 'connections = 2');
  const crowd = await Promise.all(Array.from({ length: 60 }, () => client.check('alice', 'secret')));
  t.ok(crowd.every(({ status }) => status === 0));
  const open = "SELECT count(*) FROM information_schema.processlist WHERE db = 'crowd' AND id <> connection_id()";
  t.ok(Number(await run(open)) <= 3, 'at most the limit, and the connection of this test');

  // By system account, by password, and refused.
  const me = userInfo().username;
  await run(
    `CREATE USER 'reader'@'localhost' IDENTIFIED BY 'p@:/w%'; GRANT SELECT ON crowd.* TO 'reader'@'localhost';
     ALTER USER '${me}'@'localhost' IDENTIFIED ${MYSQL ? 'WITH auth_socket' : 'VIA unix_socket'}`,
  );
  const socket = `?socket=${mariadb.socket}`;
  const as = async (who: string) => {
    const { client, daemon } = await daemonFor(t, `mysql://${who}@/crowd${socket}`);
    const answer = await client.check('alice', 'secret');
    t.notMatch(daemon.log(), /p@:|p%40/, 'no password is logged');
    return answer;
  };
  t.equal((await as('reader:p%40%3A%2Fw%25')).status, 0);
  t.equal((await as(me)).status, 0, 'by the system account');
  t.match(await as('reader:p%40wrong'), { status: 4, content: { reason: /Access denied/ } });
  t.match(await as('nobody'), { status: 4, content: { reason: /Access denied/ } });
});
