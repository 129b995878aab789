import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createWorld } from '../fixtures/world.ts';

const CLIENT = join(import.meta.dirname, '../../client-c');
const EXAMPLE = join(CLIENT, 'examples/login.c');

const make = (...words: string[]): string[] =>
  execFileSync('make', ['-s', '-C', CLIENT, ...words], { encoding: 'utf8' })
    .trim()
    .split('\n');

/** Every file and link below a folder. */
const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

t.test('a program that is built with the installed files only', async (t) => {
  const prefix = mkdtempSync(join(tmpdir(), 'djauthd-l-'));
  t.teardown(() => rmSync(prefix, { recursive: true }));
  t.same(make('install', `PREFIX=${prefix}`).sort(), filesOf(prefix), 'each installed file is printed');

  const env = { ...process.env, PKG_CONFIG_PATH: join(prefix, 'lib/pkgconfig') };
  const ask = (...words: string[]) =>
    execFileSync('pkg-config', [...words, 'djauth'], { env, encoding: 'utf8' }).trim();
  t.equal(ask('--modversion'), JSON.parse(readFileSync(join(CLIENT, '../package.json'), 'utf8')).version);

  const compile = (name: string, compiler: string, words: string[]): string => {
    const program = join(prefix, name);
    const strict = ['-Wall', '-Wextra', '-Werror', '-o', program];
    execFileSync(compiler, [...strict, ...words], { cwd: prefix });
    return program;
  };
  const flags = [...ask('--cflags', '--libs').split(' '), `-Wl,-rpath,${prefix}/lib`];
  const archive = [
    ask('--cflags'),
    join(prefix, 'lib/libdjauth.a'),
    ...ask('--libs', '--static')
      .split(' ')
      .filter((word) => /msgpack/.test(word)),
  ];
  const shared = compile('shared', 'cc', [EXAMPLE, ...flags]);
  const fixed = compile('fixed', 'cc', [EXAMPLE, ...archive]);
  const plusPlus = compile('plusplus', 'c++', ['-x', 'c++', EXAMPLE, ...flags]);
  t.match(execFileSync('readelf', ['-d', shared], { encoding: 'utf8' }), /NEEDED.*\[libdjauth\.so\.0\]/);
  t.notMatch(execFileSync('readelf', ['-d', fixed], { encoding: 'utf8' }), /libdjauth/);

  const users = [{ username: 'alice', password: 'secret', firstName: 'Alice', groups: ['Editors'] }];
  const { daemon } = await createWorld(t, users);
  const login = (program: string, password: string, socket = daemon.socket, user = 'alice') => {
    const { status, stdout, stderr } = spawnSync(program, [user, socket], { input: `${password}\n`, encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  for (const program of [shared, fixed, plusPlus]) {
    t.same(login(program, 'secret'), { status: 0, stdout: 'welcome, Alice\n  group: Editors\n', stderr: '' });
    const denied = { status: 1, stdout: 'wrong username or password\n', stderr: '' };
    t.same(login(program, 'wrong'), denied);
    t.same(login(program, 'secret', daemon.socket, 'mallory'), denied, 'an unknown user is denied likewise');
    const fault = login(program, 'secret', join(prefix, 'nobody.sock'));
    t.equal(fault.status, 2, 'a fault is not a denial');
    t.match(fault.stderr, /^login: cannot connect to .*nobody\.sock/);
  }

  const staged = join(prefix, 'stage');
  make('install', `DESTDIR=${staged}`, 'PREFIX=/opt/djauthd');
  t.match(readFileSync(join(staged, 'opt/djauthd/lib/pkgconfig/djauth.pc'), 'utf8'), /^libdir=\/opt\/djauthd\/lib$/m);
  t.ok(existsSync(join(staged, 'opt/djauthd/share/man/man1/djauth.1')));
  const removed = make('uninstall', `DESTDIR=${staged}`, 'PREFIX=/opt/djauthd');
  t.ok(removed.length > 5, 'each removed file is printed');
  t.same(filesOf(staged), [], 'no file is left');
});

t.test('make says in one sentence what is missing', (t) => {
  const out = mkdtempSync(join(tmpdir(), 'djauthd-l-'));
  t.teardown(() => rmSync(out, { recursive: true }));
  const said = (...words: string[]) => {
    const options = ['-s', '-C', CLIENT, `OUT=${out}/build`];
    const { status, stdout, stderr } = spawnSync('make', [...options, ...words], { encoding: 'utf8' });
    t.equal(status, 2);
    return `${stdout}${stderr}`.replace(/^make.*\n/gm, '');
  };
  t.match(
    said('library', 'CC=cc -nostdinc'),
    /^msgpack-c not found: install libmsgpack-dev \(Debian 13 and later: .*\) or set .*\n$/,
  );
  t.equal(said('library', 'CC=no-such-cc'), 'no C compiler: no-such-cc not found; install gcc\n');
  t.equal(said('module', 'APXS=no-such-apxs'), 'apxs not found: install apache2-dev or set APXS\n');

  // The name of the library on Debian 13, as its pkg-config file gives it.
  const pc = join(out, 'msgpack-c.pc');
  writeFileSync(pc, `Name: msgpack-c\nDescription: x\nVersion: 6.1.0\nLibs: -L${out} -lmsgpack-c\n`);
  symlinkSync(
    execFileSync('cc', ['-print-file-name=libmsgpackc.so'], { encoding: 'utf8' }).trim(),
    join(out, 'libmsgpack-c.so'),
  );
  const { status, stderr } = spawnSync(
    'make',
    ['-s', '-C', CLIENT, `OUT=${out}/build`, 'library', `${out}/build/djauth.pc`],
    {
      env: { ...process.env, PKG_CONFIG_PATH: out },
      encoding: 'utf8',
    },
  );
  t.equal(status, 0, stderr);
  t.match(readFileSync(join(out, 'build/djauth.pc'), 'utf8'), /^Libs\.private: .*-lmsgpack-c$/m);
  t.end();
});
