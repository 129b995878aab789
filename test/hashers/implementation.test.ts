import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { NO_ADDON, PROGRAM } from '../fixtures/daemon.ts';
import { createWorld } from '../fixtures/world.ts';

/*
 * The implementation of PBKDF2 in this run of the tests: the addon, or node:crypto if DJAUTH_NO_ADDON is set. The daemon's
 * own statement is not enough: an addon that is not in its memory computes nothing.
 */
t.test(`PBKDF2 is computed by ${NO_ADDON ? 'node:crypto' : 'the addon'} in this run`, async (t) => {
  const { daemon, client, stats } = await createWorld(t, [{ username: 'alice', password: 'secret' }]);
  const lines = daemon.lines().filter(({ msg }) => /^PBKDF2 is computed by /.test(msg));
  t.equal(lines.length, 1);
  t.match(
    lines[0].msg,
    NO_ADDON ? /by node:crypto \(.*pbkdf2\.node: cannot open/ : /by the addon(, two hashes at once)?$/,
  );

  const { hashes: before = 0 } = await stats();
  t.equal((await client.check('alice', 'secret')).status, 0);
  t.equal((await client.check('alice', 'wrong')).status, 1);
  const { hashes: after = 0 } = await stats();
  t.ok(after > before, 'hashes were computed');
  const mapped = readFileSync(`/proc/${daemon.process.pid}/maps`, 'utf8');
  t.equal(
    /\/pbkdf2\.node$/m.test(mapped),
    !NO_ADDON,
    'whether the addon is in the memory of the process that computed them',
  );

  const { stdout } = spawnSync(PROGRAM, ['doctor', '--config', daemon.configFile, '--json'], { encoding: 'utf8' });
  const { pbkdf2 } = JSON.parse(stdout);
  t.match(pbkdf2, NO_ADDON ? { name: 'node:crypto', because: /pbkdf2\.node: cannot open/ } : { name: 'addon' });
});

t.test(`DES crypt is computed by ${NO_ADDON ? 'nobody' : 'libcrypt'} in this run`, async (t) => {
  const people = [
    { username: 'old', encoded: 'crypt$$ab1Hv2Lg7ltQo' },
    { username: 'new', password: 'secret' },
  ];
  const { daemon, client } = await createWorld(t, people, { config: 'hashers = ["pbkdf2_sha256", "crypt"]' });
  const right = await client.check('old', Buffer.from('l\u00e8tmei'));
  const wrong = await client.check('old', 'wrong');
  t.same([right.status, wrong.status], NO_ADDON ? [4, 4] : [0, 1], 'a fault, not a denial, if it cannot be computed');
  t.equal((await client.check('new', 'secret')).status, 0, 'others are not concerned');
  t.equal((await client.check('new', 'wrong')).status, 1);
  t.equal((await client.check('nobody', 'wrong')).status, 2);
  if (NO_ADDON) t.match(daemon.log(), /hashed with \\"crypt\\": .*crypt\.node: cannot open/);
});
