import t from 'tap';
import { foldedName } from '../../daemon/throttle/folded-name.ts';
import { connect } from '../fixtures/client.ts';
import { waitFor } from '../fixtures/daemon.ts';
import { MYSQL, startMariaDb } from '../fixtures/mariadb.ts';
import { encodePbkdf2, type Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

/** Cheap hashes: what counts here is how many there are. */
const PEOPLE: Person[] = ['alice', 'bob', 'carol'].map((username) => ({
  username,
  encoded: encodePbkdf2(`${username}'s password`, { iterations: 1 }),
}));
const FROM = (address: string) => ({ client: { address, service: 'test' } });

t.test('with the defaults', async (t) => {
  const { client, daemon, stats } = await createWorld(t, PEOPLE);
  const spray = async (count: number, ask: (at: number) => ReturnType<typeof client.check>) => {
    const answers = [];
    for (let at = 0; at < count; at++) answers.push(ask(at));
    const all = await Promise.all(answers);
    const denied = all.filter(({ status }) => status === 1 || status === 2).length;
    // Some that are admitted are turned away by the hash pool: few may wait about one name.
    return { denied, admitted: all.filter(({ content }) => content.reason !== 'throttled').length };
  };

  t.equal((await client.check('alice', "alice's password")).status, 0);
  for (let at = 0; at < 10; at++) t.equal((await client.check('bob', `typo ${at}`)).status, 1);
  t.equal((await client.check('bob', "bob's password")).status, 0, 'ten mistyped passwords are no problem');

  // 50 at the same time: charged when admitted, not when they fail.
  const before = (await stats()).hashes as number;
  const known = await spray(50, (at) => client.check('alice', `guess ${at}`));
  t.equal(known.admitted, 20);
  t.equal(((await stats()).hashes as number) - before, known.denied, 'what is refused is not hashed');
  const unknown = await spray(50, (at) => client.check('nobody', `guess ${at}`));
  t.equal(unknown.admitted, 20, 'the same for a name that does not exist');
  const refused = await client.check('alice', 'another guess');
  t.match(refused, { status: 3, content: { reason: 'throttled' } });
  t.ok(refused.content.retry_after >= 1 && refused.content.retry_after <= 10);

  t.equal((await client.check('alice', "alice's password")).status, 0, 'a user with a proof passes');
  t.equal((await client.check('carol', "carol's password")).status, 0, 'so do others without one');
  t.equal((await client.check('alice', 'guess 0')).status, 1, 'a password that was tried is no guess');

  const typed = await spray(50, (at) => client.check('Rooph4ei', `guess ${at}`));
  t.equal(typed.admitted, 20);
  const office = await spray(40, () => client.check('carol', 'an old password', FROM('192.0.2.1')));
  t.equal(office.denied, 40, 'a client that repeats one wrong password');
  const sprayer = await spray(64, (at) => client.check(`user ${at}`, `guess ${at}`, FROM('192.0.2.2')));
  t.equal(sprayer.admitted, 50);
  t.equal((await client.check('carol', 'new', FROM('192.0.2.1'))).status, 1, 'another source');

  const { throttled, throttled_names, throttled_sources } = await stats();
  t.match({ throttled_names, throttled_sources }, { throttled_names: 3, throttled_sources: 1 });
  t.ok((throttled as number) >= 30 + 30 + 1 + 30 + 14, `${throttled} were throttled`);
  const page = async (socket: string) => {
    const asker = await connect(socket);
    const body = (await asker.ask('status', { format: 'json' })).content.body;
    asker.close();
    return JSON.stringify(JSON.parse(body).throttle.refused);
  };
  await client.check('alice', "alice's password"); // the name of an account is known while its snapshot is young
  const shown = await page(daemon.control);
  t.match(shown, /"192\.0\.2\.2"/);
  t.match(shown, /"alice"/);
  t.notMatch(shown, /Rooph4ei/, 'a name that no account has may be a password');
  t.notMatch(await page(daemon.socket), /alice|Rooph4ei/, 'whoever may ask for the page does not learn who exists');
});

t.test('forgiving', async (t) => {
  const { client, daemon } = await createWorld(t, PEOPLE, { config: '[throttle]\nname = 1\nsource = 2' });
  const control = await connect(daemon.control);
  t.teardown(() => control.close());
  const flush = async (more: object) => (await control.ask('flush', { throttle: true, ...more })).content;
  t.equal((await client.check('alice', 'a')).status, 1);
  t.equal((await client.check('alice', 'b')).status, 3);
  t.same(await flush({ username: Buffer.from('ALICE') }), { flushed: 1 });
  t.same(await flush({ username: Buffer.from('alice') }), { flushed: 0 });
  t.equal((await client.check('alice', 'c')).status, 1);
  for (const name of ['x', 'y']) await client.check(name, 'a', FROM('192.0.2.9'));
  t.equal((await client.check('bob', 'a', FROM('192.0.2.9'))).status, 3);
  t.same(await flush({ address: '192.0.2.9' }), { flushed: 1 });
  t.equal((await client.check('bob', 'b', FROM('192.0.2.9'))).status, 1);
  t.ok((await flush({})).flushed >= 3);
  t.equal((await client.check('alice', 'd')).status, 1);
  t.match(await flush({ address: 'x' }), { reason: 'not an address' });
  t.match(await flush({ address: '192.0.2.9', username: Buffer.from('x') }), { reason: /no username/ });
  t.match((await control.ask('flush', { address: '192.0.2.9' })).content, { reason: /needs "throttle"/ });
});

t.test('a reload keeps what is owed and applies other limits', async (t) => {
  const { client, daemon, site } = await createWorld(t, PEOPLE, { config: '[throttle]\nname = 2' });
  const sites = `[sites.site]\ndatabase = "${site.url}"\n`;
  const reload = async (config: string) => {
    const before = daemon.lines().filter(({ msg }) => msg === 'configuration reloaded').length;
    daemon.configure(sites + config);
    daemon.signal('SIGHUP');
    await waitFor(() => daemon.lines().filter(({ msg }) => msg === 'configuration reloaded').length > before);
  };
  for (const password of ['a', 'b']) t.equal((await client.check('alice', password)).status, 1);
  await reload('[throttle]\nname = 2\nsource = 5\n[hash]\nworkers = 1');
  t.equal((await client.check('alice', 'c')).status, 3, 'what is owed stays');
  await reload('[throttle]\nname = 3');
  t.equal((await client.check('alice', 'd')).status, 1);
  t.equal((await client.check('alice', 'e')).status, 3);
  await reload('[throttle]\nenabled = false');
  for (const password of ['f', 'g', 'h', 'i']) t.equal((await client.check('alice', password)).status, 1);
});

t.test('spellings that a database takes for one name share their limit', async (t) => {
  const server = await startMariaDb();
  t.teardown(() => server.stop());
  await server.createDatabase('letters');
  const run = (sql: string) => server.execute('letters', sql);
  // Every character of one code unit or beside, as a letter within a name of ASCII letters.
  const characters: string[] = [];
  for (let code = 0x21; code < 0x1_f200; code++) {
    if (code < 0xd800 || code > 0xdfff) characters.push(Buffer.from(String.fromCodePoint(code)).toString('hex'));
  }
  const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789'];
  const targets = ['', ...letters, ...letters.flatMap((a) => letters.map((b) => a + b))];
  await run('create table seen (h varchar(8)); create table plain (a varchar(4) collate utf8mb4_bin)');
  await run(`insert into plain values ${targets.map((text) => `('${text}')`)}`);
  for (let at = 0; at < characters.length; at += 4_000) {
    await run(`insert into seen values ${characters.slice(at, at + 4_000).map((hex) => `('${hex}')`)}`);
  }
  const collations = MYSQL
    ? ['utf8mb4_0900_ai_ci', 'utf8mb4_unicode_ci', 'utf8mb4_general_ci']
    : ['utf8mb4_general_ci', 'utf8mb4_unicode_ci', 'utf8mb4_unicode_520_ci', 'utf8mb4_uca1400_ai_ci'];
  const rare = foldedName('\u2776');
  for (const collation of collations) {
    const rows = await run(
      `create temporary table w as select h, weight_string(convert(unhex(h) using utf8mb4) collate ${collation}) w from seen;
       create temporary table v as select a, weight_string(a collate ${collation}) w from plain;
       select h, a from w join v on w.w = v.w; drop table w; drop table v`,
    );
    const equal = rows.split('\n').filter((row) => row !== '');
    const apart = equal.filter((row) => {
      const [hex = '', text = ''] = row.split('\t');
      const folded = foldedName(`q${Buffer.from(hex, 'hex')}q`);
      return folded !== rare && folded !== foldedName(`q${text}q`);
    });
    t.ok(equal.length > 500, `${equal.length} characters are equal to letters in ${collation}`);
    t.same(apart, [], collation);
  }
});
