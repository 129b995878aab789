import { spawnSync } from 'node:child_process';
import { pbkdf2Sync } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { choosePbkdf2, type Derivation, pbkdf2, pbkdf2Pair } from '../../daemon/native/pbkdf2.ts';
import { PROGRAM, startDaemon } from '../fixtures/daemon.ts';
import { createSite } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

const ADDON = join(dirname(PROGRAM), 'pbkdf2.node');
const ROOT = join(import.meta.dirname, '../..');

t.test('the addon computes what node:crypto computes', async (t) => {
  t.match(choosePbkdf2(true), { name: 'addon', pairs: Boolean });
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    ...[0, 1, 55, 56, 63, 64, 65, 128].map((length) => fc.uint8Array({ minLength: length, maxLength: length })),
  );
  const salt = fc.oneof(fc.string({ unit: 'binary', maxLength: 150 }), fc.string({ minLength: 40, maxLength: 140 }));
  fc.assert(
    fc.property(
      fc.constantFrom('sha256' as const, 'sha1' as const),
      octets,
      salt,
      fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 2000 })),
      fc.oneof(fc.constantFrom(20, 32), fc.integer({ min: 1, max: 130 })),
      (digest, password, salt, iterations, length) => {
        const before = Buffer.from(password);
        const expected = pbkdf2Sync(password, salt, iterations, length, digest);
        return pbkdf2(digest, password, salt, iterations, length).equals(expected) && before.equals(password);
      },
    ),
    { numRuns: 3000 },
  );
});

t.test('two passwords at once come to what each comes to alone, with and without the SHA extensions', async (t) => {
  const loaded = { exports: {} as { accelerate(wanted: boolean): boolean } };
  process.dlopen(loaded, ADDON);
  const derivation = fc.record({
    password: fc.uint8Array({ maxLength: 130 }),
    salt: fc.string({ unit: 'binary', maxLength: 80 }),
    iterations: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 1000 })),
  });
  const alone = ({ password, salt, iterations }: Derivation) => pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const agrees = () =>
    fc.assert(
      fc.property(derivation, derivation, (first, second) => {
        const [one, two] = pbkdf2Pair(first, second);
        return one.equals(alone(first)) && two.equals(alone(second));
      }),
      { numRuns: 1500 },
    );
  for (const native of [true, false]) {
    choosePbkdf2(native);
    agrees();
  }
  choosePbkdf2(true);
  t.equal(loaded.exports.accelerate(false), false);
  agrees();
  const flags = readFileSync('/proc/cpuinfo', 'utf8');
  t.equal(
    loaded.exports.accelerate(true),
    / sha_ni[ \n]/.test(flags) && / sse4_1 /.test(flags),
    'where the processor has them',
  );
  agrees();
});

t.test('published vectors', async (t) => {
  const hex = (...args: Parameters<typeof pbkdf2>) => pbkdf2(...args).toString('hex');
  for (const native of [true, false]) {
    choosePbkdf2(native);
    const password = Buffer.from('password');
    // RFC 6070.
    t.equal(hex('sha1', password, 'salt', 1, 20), '0c60c80f961f0e71f3a9b524af6012062fe037a6');
    t.equal(hex('sha1', password, 'salt', 4096, 20), '4b007901b765489abead49d926f721d065a429c1');
    t.equal(
      hex('sha1', Buffer.from('passwordPASSWORDpassword'), 'saltSALTsaltSALTsaltSALTsaltSALTsalt', 4096, 25),
      '3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038',
    );
    t.equal(hex('sha1', Buffer.from('pass\0word'), 'sa\0lt', 4096, 16), '56fa6aa75548099dcc37d7f03425e0c3');
    // RFC 7914.
    t.equal(
      hex('sha256', Buffer.from('passwd'), 'salt', 1, 64),
      '55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc' +
        '49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783',
    );
  }
});

t.test('arguments that the addon refuses', async (t) => {
  type Refusing = (...args: unknown[]) => unknown;
  const loaded = { exports: {} as { pbkdf2: Refusing; pair: Refusing } };
  process.dlopen(loaded, ADDON);
  const octets = new Uint8Array(4);
  const right: unknown[] = [0, octets, octets, 1, octets];
  t.equal(loaded.exports.pbkdf2(...right), undefined);
  const wrong: unknown[] = [
    undefined,
    null,
    -1,
    2,
    1.5e10,
    'x',
    {},
    [],
    new Float64Array(2),
    new DataView(new ArrayBuffer(1)),
  ];
  for (let at = 0; at < right.length; at++) {
    for (const value of wrong) {
      if ((at === 0 || at === 3) && (value === 2 || value === -1 || value === 1.5e10)) continue;
      t.throws(() => loaded.exports.pbkdf2(...right.with(at, value)), TypeError, `${at}: ${String(value)}`);
    }
  }
  for (let count = 0; count < 5; count++) t.throws(() => loaded.exports.pbkdf2(...right.slice(0, count)), TypeError);
  const each: unknown[] = [octets, octets, 1, new Uint8Array(32)];
  const both = [...each, ...each];
  t.equal(loaded.exports.pair(...both), undefined);
  for (let at = 0; at < both.length; at++) {
    for (const value of [undefined, null, 0, 'x', {}, [], new Float64Array(2), new Uint8Array(31)]) {
      if (value instanceof Uint8Array && at % 4 !== 3) continue;
      t.throws(() => loaded.exports.pair(...both.with(at, value)), TypeError, `pair ${at}: ${String(value)}`);
    }
  }
  for (let count = 0; count < 8; count++) t.throws(() => loaded.exports.pair(...both.slice(0, count)), TypeError);
  t.throws(() => loaded.exports.pbkdf2(2, octets, octets, 1, octets), /unknown digest/);
  t.throws(() => loaded.exports.pbkdf2(0, octets, octets, 0, octets), /iterations/);
  t.equal(
    loaded.exports.pbkdf2(0, new Uint8Array(), new Uint8Array(), 1, new Uint8Array()),
    undefined,
    'empty arguments',
  );
});

/** A copy of the built daemon in a directory of its own. */
function copyOf(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-n-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, 'build'));
  for (const name of ['djauthd', 'djauthd.js', 'hash-worker.js', 'package.json']) {
    copyFileSync(join(dirname(PROGRAM), name), join(directory, 'build', name));
  }
  symlinkSync(join(import.meta.dirname, '../../node_modules'), join(directory, 'node_modules'));
  return join(directory, 'build');
}

t.test('the daemon logs the implementation, and both give the same verdicts', async (t) => {
  const { daemon, client, site } = await createWorld(t, [{ username: 'alice', password: 'secret' }]);
  t.equal((await client.check('alice', 'secret')).status, 0);
  t.match(daemon.log(), /"PBKDF2 is computed by the addon(, two hashes at once)?"/);

  const build = copyOf(t);
  const without = async (why: RegExp, config: string, program?: string) => {
    const other = await startDaemon({
      config: `[sites.site]\ndatabase = "${site.url}"\n${config}`,
      ...(program === undefined ? {} : { program }),
    });
    t.teardown(() => other.stop());
    const second = await other.connect();
    t.equal((await second.check('alice', 'secret')).status, 0);
    t.equal((await second.check('alice', 'wrong')).status, 1);
    t.match(other.log(), why);
  };
  await without(/by node:crypto \(hash\.native is false\)/, '[hash]\nnative = false');
  await without(/by node:crypto \(.*pbkdf2\.node: cannot open/, '', join(build, 'djauthd'));
  writeFileSync(join(build, 'pbkdf2.node'), 'not a library');
  await without(/by node:crypto \(.*pbkdf2\.node: /, '', join(build, 'djauthd'));
});

t.test('doctor shows the implementation', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-n-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const site = createSite(join(directory, 'db.sqlite3'), [{ username: 'alice', password: 'secret' }]);
  t.teardown(() => site.close());
  const file = join(directory, 'djauthd.toml');
  const doctor = (keys: string, ...args: string[]) => {
    writeFileSync(file, `[listen]\nsocket = "${directory}/s"\n[sites.site]\ndatabase = "${site.url}"\n${keys}`);
    return spawnSync(PROGRAM, ['doctor', '--config', file, ...args], { encoding: 'utf8' }).stdout;
  };
  t.match(doctor(''), /PBKDF2 +the addon/);
  t.match(JSON.parse(doctor('[hash]\nnative = false\n', '--json')), { pbkdf2: { name: 'node:crypto' } });
});

t.test('a build without a compiler', async (t) => {
  const build = copyOf(t);
  const root = dirname(build);
  for (const name of ['daemon', 'protocol', 'scripts']) symlinkSync(join(ROOT, name), join(root, name));
  copyFileSync(join(ROOT, 'package.json'), join(root, 'package.json'));
  const made = spawnSync(process.execPath, ['--preserve-symlinks-main', join(root, 'scripts/build.mjs'), '--daemon'], {
    encoding: 'utf8',
    env: { ...process.env, CC: '/nowhere/cc' },
  });
  t.equal(made.status, 0, made.stderr);
  t.match(
    made.stderr,
    /\/nowhere\/cc cannot compile daemon\/native\/pbkdf2\.c; PBKDF2 will be computed by node:crypto/,
  );
  t.ok(existsSync(join(build, 'djauthd')));
  t.notOk(existsSync(join(build, 'pbkdf2.node')));
});
