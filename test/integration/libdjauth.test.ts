import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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

t.test('a program of somebody else, with what is installed and nothing more', async (t) => {
  const prefix = mkdtempSync(join(tmpdir(), 'djauthd-l-'));
  t.teardown(() => rmSync(prefix, { recursive: true }));
  t.same(make('install', `PREFIX=${prefix}`).sort(), filesOf(prefix), 'each file that is installed is printed');

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
  const archive = [ask('--cflags'), join(prefix, 'lib/libdjauth.a'), '-lmsgpackc'];
  const shared = compile('shared', 'cc', [EXAMPLE, ...flags]);
  const fixed = compile('fixed', 'cc', [EXAMPLE, ...archive]);
  const plusPlus = compile('plusplus', 'c++', ['-x', 'c++', EXAMPLE, ...flags]);
  t.match(execFileSync('readelf', ['-d', shared], { encoding: 'utf8' }), /NEEDED.*\[libdjauth\.so\.0\]/);
  t.notMatch(execFileSync('readelf', ['-d', fixed], { encoding: 'utf8' }), /libdjauth/);

  const people = [{ username: 'alice', password: 'secret', firstName: 'Alice', groups: ['Editors'] }];
  const { daemon } = await createWorld(t, people);
  const login = (program: string, password: string, socket = daemon.socket, user = 'alice') => {
    const { status, stdout, stderr } = spawnSync(program, [user, socket], { input: `${password}\n`, encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  for (const program of [shared, fixed, plusPlus]) {
    t.same(login(program, 'secret'), { status: 0, stdout: 'welcome, Alice\n  you are one of Editors\n', stderr: '' });
    const refused = { status: 1, stdout: 'name or password is wrong\n', stderr: '' };
    t.same(login(program, 'wrong'), refused);
    t.same(login(program, 'secret', daemon.socket, 'mallory'), refused, 'whoever it is');
    const fault = login(program, 'secret', join(prefix, 'nobody.sock'));
    t.equal(fault.status, 2, 'a fault is no refusal');
    t.match(fault.stderr, /^login: cannot connect to .*nobody\.sock/);
  }

  const staged = join(prefix, 'stage');
  make('install', `DESTDIR=${staged}`, 'PREFIX=/opt/djauthd');
  t.match(readFileSync(join(staged, 'opt/djauthd/lib/pkgconfig/djauth.pc'), 'utf8'), /^libdir=\/opt\/djauthd\/lib$/m);
  t.ok(existsSync(join(staged, 'opt/djauthd/share/man/man1/djauth.1')));
  const removed = make('uninstall', `DESTDIR=${staged}`, 'PREFIX=/opt/djauthd');
  t.ok(removed.length > 5, 'what is removed is printed too');
  t.same(filesOf(staged), [], 'and nothing stays');
});
