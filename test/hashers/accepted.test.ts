import { spawnSync } from 'node:child_process';
import t from 'tap';
import { djangoReleases, LATEST_RELEASE } from '../../daemon/hasher/django-releases.ts';
import { hashers } from '../../daemon/hasher/hashers.ts';
import { connect } from '../fixtures/client.ts';
import { startDaemon } from '../fixtures/daemon.ts';
import { encodePbkdf2, type Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

/** bcrypt of 80 times "a" with 4 rounds: it used 72 of them. */
const BCRYPT_LONG = 'bcrypt$$2b$04$/uaF/uaF/uaF/uaF/uaF/uOM8r2SeYNq7/qQJPoLtzMmzLdJtdI6C';

const PEOPLE: Person[] = [
  { username: 'pbkdf2', encoded: encodePbkdf2('secret') },
  { username: 'md5', encoded: 'md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3' },
  { username: 'foreign', encoded: 'rot13$salt$frperg' },
  { username: 'malformed', encoded: 'pbkdf2_sha256$x$salt$hash' },
  { username: 'clear', encoded: 'hunter2' },
  { username: 'long', encoded: BCRYPT_LONG },
];
const LETMEIN = Buffer.from('lètmein');

t.test('the hash policy of a site', async (t) => {
  const { daemon, site } = await createWorld(t, PEOPLE);
  const open = async (keys: string) => {
    const other = await startDaemon({ config: `[sites.site]\ndatabase = "${site.url}"\n${keys}` });
    const client = await connect(other.socket);
    t.teardown(async () => {
      client.close();
      await other.stop();
    });
    return { other, client };
  };
  const { client: stock } = await open('');
  t.equal((await stock.check('pbkdf2', 'secret')).status, 0);
  for (const [name, password] of [
    ['md5', LETMEIN],
    ['long', 'a'.repeat(72)],
  ] as const) {
    t.same(await stock.check(name, password), { status: 1, content: { reason: 'unverifiable-password' } }, name);
  }
  const { client } = await open('hashers = "django-1.4"');
  t.equal((await client.check('md5', LETMEIN)).status, 0, 'the default list of the release contains md5');
  t.equal((await client.check('foreign', 'secret')).content.reason, 'unverifiable-password');
  t.equal((await client.check('long', 'a'.repeat(72))).status, 0);
  t.equal((await client.check('long', 'a'.repeat(80))).status, 0, 'bcrypt uses 72 octets');
  t.equal((await client.check('long', 'a'.repeat(71))).status, 1);

  const strict = await open(
    'hashers = ["pbkdf2_sha256", "bcrypt"]\nbcrypt_long = "refuse"\nforeign_hashers = ["rot13"]',
  );
  t.equal((await strict.client.check('pbkdf2', 'secret')).status, 0);
  t.same(
    (await strict.client.check('md5', LETMEIN)).content.reason,
    'unverifiable-password',
    'an algorithm that it no longer accepts',
  );
  t.equal((await strict.client.check('long', 'a'.repeat(72))).status, 0);
  t.same((await strict.client.check('long', 'a'.repeat(80))).content.reason, 'wrong-password', 'as with bcrypt 5');
  const foreign = await strict.client.check('foreign', 'secret');
  t.equal(foreign.status, 4, 'a custom algorithm cannot be computed here: a fault, not a denial');
  t.match(foreign.content.reason, /rot13/);

  // A hash that can grant nobody is logged once per account, without its text.
  for (const name of ['malformed', 'clear', 'md5']) {
    for (let i = 0; i < 3; i++) await strict.client.check(name, `guess ${i}`);
    const lines = strict.other.lines().filter(({ level, user }) => level === 40 && user === name);
    t.equal(lines.length, 1, `${name}: one line`);
    t.equal(lines[0].site, 'site');
  }
  t.notMatch(strict.other.log(), /hunter2|seasalt|3f86d0d3/);
  t.notMatch(daemon.log(), /hunter2/);
});

t.test('the default lists of Django releases', async (t) => {
  const known = hashers.map(({ algorithm }) => algorithm);
  for (const [release, accepted] of djangoReleases) {
    t.same(
      accepted.filter((algorithm) => !known.includes(algorithm)),
      [],
      release,
    );
    t.equal(new Set(accepted).size, accepted.length, release);
  }
  t.equal(djangoReleases.size, 22);
  t.equal(LATEST_RELEASE, 'django-6.1');
  t.same(djangoReleases.get('django-1.9'), djangoReleases.get('django-1.6'));
  t.same(djangoReleases.get('django-2.0'), djangoReleases.get('django-1.10'));

  // The Django of this machine is asked itself; `algorithm` needs no library.
  const script = `
import django
from django.conf import global_settings
from django.utils.module_loading import import_string
print('django-%d.%d' % django.VERSION[:2], *[import_string(path).algorithm for path in global_settings.PASSWORD_HASHERS])`;
  const { stdout, stderr } = spawnSync('/usr/bin/python3', ['-c', script], { encoding: 'utf8' });
  const [release = '', ...algorithms] = stdout.trim().split(' ');
  t.same(djangoReleases.get(release), algorithms, release + stderr);
});
