import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { hash as argon2 } from '@node-rs/argon2';
import { hash as bcrypt } from '@node-rs/bcrypt';
import t, { type Test } from 'tap';
import { driver } from '../../daemon/store/sqlite/drivers.ts';
import { startDaemon } from '../fixtures/daemon.ts';
import { createSite } from '../fixtures/site.ts';

const ROOT = join(import.meta.dirname, '../..');
const CONFIG = 'etc/djauthd/djauthd.toml';
const UNITS = 'usr/local/lib/systemd/system';

function temporary(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-i-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Runs a script of package.json. */
function npm(script: string, env: NodeJS.ProcessEnv, root = ROOT) {
  const { status, stdout, stderr } = spawnSync('npm', ['run', '-s', script], {
    cwd: root,
    env: { ...process.env, PREFIX: '', DESTDIR: '', ...env },
    encoding: 'utf8',
  });
  return { status, stderr, lines: stdout.split('\n').filter((line) => line !== '') };
}

/** All files in a directory, with what shows that one has changed. */
function contentOf(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode, ino, mtimeMs } = lstatSync(path);
    found.set(path, entry.isSymbolicLink() ? `-> ${readlinkSync(path)}` : `${mode.toString(8)} ${ino} ${mtimeMs}`);
  }
  return found;
}

t.test('install, install again, uninstall: the printed files are the installed ones', (t) => {
  const stage = temporary(t);
  const first = npm('install:system', { DESTDIR: stage });
  t.equal(first.status, 0, first.stderr);
  const installed = contentOf(stage);
  t.same([...first.lines].sort(), [...installed.keys()].sort());
  t.comment(`${installed.size} files`);
  const filter = 'usr/local/share/djauthd/fail2ban/filter.d/djauthd.conf';
  for (const path of ['usr/local/bin/djauth', 'usr/local/bin/djauthd', `${UNITS}/djauthd.socket`, CONFIG, filter]) {
    t.ok(installed.has(join(stage, path)), path);
  }
  t.equal(statSync(join(stage, CONFIG)).mode & 0o7777, 0o640);
  t.match(first.stderr, /systemd-sysusers && systemd-tmpfiles --create/);
  t.match(first.stderr, /systemctl enable --now djauthd-control\.socket djauthd\.socket/);
  t.notMatch(first.stderr, /Upgraded|restart djauthd/);
  const documents = 'usr/local/share/doc/djauthd';
  for (const path of [
    'README.md',
    'LICENSE',
    'docs/troubleshooting.md',
    'client-c/conf/subversion.conf',
    'licenses/pino/LICENSE',
  ]) {
    t.ok(installed.has(join(stage, documents, path)), path);
  }
  for (const path of installed.keys()) {
    if (path.endsWith('.service')) t.notMatch(readFileSync(path, 'utf8'), /^Exec\w+=\/usr\/(lib|bin)/m, path);
    t.notOk(readFileSync(path).includes(stage), `${path} does not know of DESTDIR`);
  }

  const second = npm('install:system', { DESTDIR: stage });
  t.equal(second.status, 0);
  t.match(
    second.stderr,
    /^Upgraded\.[\s\S]*^ {2}systemctl daemon-reload$[\s\S]*^ {2}systemctl restart djauthd apache2 /m,
  );
  t.notMatch(second.stderr, /enable --now|a2enmod/);
  t.same([...contentOf(stage)].sort(), [...installed].sort(), 'installing again changes nothing');

  appendFileSync(join(stage, CONFIG), '# mine\n');
  const edited = readFileSync(join(stage, CONFIG), 'utf8');
  rmSync(join(stage, 'usr/local/bin/djauth'));
  const third = npm('install:system', { DESTDIR: stage });
  t.ok(third.lines.includes(`${join(stage, CONFIG)} (kept)`));
  t.equal(readFileSync(join(stage, CONFIG), 'utf8'), edited, 'an edited configuration is kept');
  t.ok(existsSync(join(stage, 'usr/local/bin/djauth')), 'a missing file is restored');

  // A file of another product, in a directory that was created for this one.
  writeFileSync(join(stage, 'usr/local/bin/other'), '');
  const sites = join(stage, 'etc/apache2/sites-enabled');
  const uses = [
    'AuthBasicProvider file django',
    '<AuthnProviderAlias django shop>',
    'Require not django-staff',
    'DjangoPermissionName a.b',
  ];
  mkdirSync(sites, { recursive: true });
  mkdirSync(join(stage, 'etc/apache2/sites-available'));
  writeFileSync(
    join(sites, 'x.conf'),
    ['# AuthBasicProvider django', ...uses, 'AuthBasicProvider file', 'Require valid-user'].join('\n'),
  );
  writeFileSync(join(stage, 'etc/apache2/sites-available/y.conf'), 'AuthBasicProvider django');
  mkdirSync(join(stage, 'var/log/httpd'), { recursive: true });
  writeFileSync(join(stage, 'var/log/httpd/access.conf'), 'AuthBasicProvider django');
  symlinkSync(join(stage, 'var/log/httpd'), join(stage, 'etc/apache2/logs'));
  symlinkSync('itself.conf', join(stage, 'etc/apache2/itself.conf'));
  const undo = npm('uninstall:system', { DESTDIR: stage });
  t.equal(undo.status, 0, undo.stderr);
  t.match(undo.stderr, /systemctl disable --now djauthd\.service djauthd\.socket djauthd-control\.socket/);
  t.match(undo.stderr, /a2dismod authnz_django/);
  t.same(
    undo.stderr.match(/^ {2}\S+\.conf:\d+: .*$/gm),
    uses.map((line, at) => `  ${join(sites, 'x.conf')}:${at + 2}: ${line}`),
    'lines with which Apache would not start; not comments, and not what it does not read',
  );
  rmSync(join(stage, 'etc/apache2'), { recursive: true });
  rmSync(join(stage, 'var/log'), { recursive: true });
  t.same([...contentOf(stage).keys()].sort(), [join(stage, CONFIG), join(stage, 'usr/local/bin/other')]);
  t.equal(readFileSync(join(stage, CONFIG), 'utf8'), edited);
  t.notOk(existsSync(join(stage, 'usr/local/lib')), 'directories that were created for it are removed');
  t.same(
    undo.lines.map((line) => line.split(' ')[0]).sort(),
    [...installed.keys()].sort(),
    'each file is printed, kept or removed',
  );
  const more = npm('uninstall:system', { DESTDIR: stage });
  t.equal(more.status, 1);
  t.match(more.stderr, /^install: .*installed\.json not found: nothing to uninstall$/m);
  t.end();
});

t.test('man -k djauth finds each page, with a description that fits the line', (t) => {
  const stage = temporary(t);
  t.equal(npm('install:system', { DESTDIR: stage }).status, 0);
  const manual = join(stage, 'usr/local/share/man');
  const pages = readdirSync(manual, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
  t.ok(pages.length >= 3, pages.join());
  t.equal(spawnSync('mandb', ['--quiet', manual]).status, 0);
  const found = spawnSync('man', ['-M', manual, '-k', 'djauth'], { encoding: 'utf8' });
  for (const page of pages) {
    const [, name, section] = /^(.*)\.(\d)$/.exec(page) as unknown as string[];
    t.match(found.stdout, new RegExp(`^${name} \\(${section}\\) +- [^\\n]*[^.\\n]$`, 'm'), found.stderr);
  }
  t.end();
});

t.test('an unchanged installation is removed completely', (t) => {
  const stage = temporary(t);
  t.equal(npm('install:system', { DESTDIR: stage, PREFIX: '/opt/djauthd' }).status, 0);
  const unit = readFileSync(join(stage, 'etc/systemd/system/djauthd.service'), 'utf8');
  t.match(
    unit,
    /^ExecStart=\/opt\/djauthd\/lib\/djauthd\/djauthd serve /m,
    'systemd does not read units below this PREFIX',
  );
  t.match(readFileSync(join(stage, 'opt/djauthd/lib/pkgconfig/djauth.pc'), 'utf8'), /^prefix=\/opt\/djauthd$/m);
  // A file of an earlier version.
  const manifest = join(stage, 'opt/djauthd/lib/djauthd/installed.json');
  const list = JSON.parse(readFileSync(manifest, 'utf8'));
  list.files['/opt/djauthd/lib/djauthd/old.js'] = '';
  writeFileSync(manifest, JSON.stringify(list));
  const old = join(stage, 'opt/djauthd/lib/djauthd/old.js');
  writeFileSync(old, '');
  const again = npm('install:system', { DESTDIR: stage, PREFIX: '/opt/djauthd' });
  t.ok(again.lines.includes(`${old} (removed)`));
  t.notOk(existsSync(old));
  t.equal(npm('uninstall:system', { DESTDIR: stage, PREFIX: '/opt/djauthd' }).status, 0);
  t.same(readdirSync(stage), []);
  t.end();
});

t.test('the installed daemon needs nothing else', async (t) => {
  const stage = temporary(t);
  t.equal(npm('install:system', { DESTDIR: stage }).status, 0);
  const bin = join(stage, 'usr/local/bin');
  const site = createSite(join(stage, 'db.sqlite3'), [
    { username: 'paula', password: 'secret' },
    { username: 'anna', encoded: `argon2${await argon2('secret', { timeCost: 1 })}` },
    { username: 'bert', encoded: `bcrypt$${await bcrypt('secret', 4)}` },
  ]);
  const daemon = await startDaemon({
    program: join(bin, 'djauthd'),
    cwd: '/',
    env: { NODE_PATH: '' },
    config: `[sites.site]\ndatabase = "${site.url}"\nhashers = "django-1.10"`,
  });
  t.teardown(async () => {
    await daemon.stop();
    site.close();
  });
  const check = (user: string, input: string) =>
    spawnSync(join(bin, 'djauth'), ['check', '--socket', daemon.socket, user], { input, encoding: 'utf8', cwd: '/' });
  for (const user of ['paula', 'anna', 'bert']) {
    t.match(check(user, 'secret'), { status: 0, stdout: new RegExp(`^granted ${user}`) });
    t.match(check(user, 'wrong'), { status: 1, stdout: /wrong-password/ });
  }
  const maps = readFileSync(`/proc/${daemon.process.pid}/maps`, 'utf8');
  const native = [...new Set(maps.match(/\/\S+\.node$/gm))];
  t.ok(
    native.length >= (driver.name === 'node:sqlite' ? 3 : 4),
    native.map((path) => relative(stage, path)).join(', '),
  );
  t.same(
    native.filter((path) => !path.startsWith(`${stage}/`)),
    [],
    'every addon is an installed one',
  );
  t.notOk(maps.includes(`${ROOT}/`), 'no source file is loaded');

  const config = join(stage, CONFIG);
  const checked = spawnSync(join(bin, 'djauthd'), ['check-config', '--config', config], { encoding: 'utf8' });
  t.equal(checked.status, 2);
  t.match(checked.stderr, /djauthd\.toml: missing section \[sites\]/, 'only a site is missing');
  writeFileSync(config, readFileSync(config, 'utf8').replaceAll(/^#(\[sites\."[^"]*"\]|database)/gm, '$1'));
  t.match(spawnSync(join(bin, 'djauthd'), ['check-config', '--config', config], { encoding: 'utf8' }), { status: 0 });
});

t.test('systemd accepts the units', (t) => {
  const stage = temporary(t);
  t.equal(npm('install:system', { DESTDIR: stage }).status, 0);
  const run = (command: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    return { status, said: stdout + stderr };
  };
  const service = join(stage, UNITS, 'djauthd.service');
  const security = run('systemd-analyze', 'security', '--offline=true', '--no-pager', service);
  const exposure = Number(security.said.match(/Overall exposure level for djauthd\.service: ([\d.]+)/)?.[1]);
  t.comment(`systemd-analyze security: djauthd.service ${exposure}`);
  t.ok(exposure <= 1.2, `${exposure}`);

  t.same(run('systemd-sysusers', `--root=${stage}`).status, 0);
  t.same(run('systemd-tmpfiles', '--create', `--root=${stage}`, '--prefix=/run', '--prefix=/etc/djauthd').status, 0);
  const gid = readFileSync(join(stage, 'etc/group'), 'utf8').match(/^djauthd:[^:]*:(\d+)/m)?.[1];
  t.match(readFileSync(join(stage, 'etc/passwd'), 'utf8'), /^djauthd:.*:\/usr\/sbin\/nologin$/m);
  t.equal(statSync(join(stage, CONFIG)).gid, Number(gid), 'the daemon can read its configuration');
  t.equal(statSync(join(stage, CONFIG)).mode & 0o7777, 0o640);
  t.equal(statSync(join(stage, 'run/djauthd')).mode & 0o7777, 0o755);

  // The units of systemd itself, and the programs that the units start.
  cpSync('/usr/lib/systemd/system', join(stage, 'usr/lib/systemd/system'), { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(stage, 'bin'));
  cpSync('/bin/kill', join(stage, 'bin/kill'));
  const units = readdirSync(join(stage, UNITS));
  t.equal(units.length, 6);
  t.same(run('systemd-analyze', 'verify', '--man=no', `--root=${stage}`, ...units), { status: 0, said: '' });
  rmSync(join(stage, 'usr/local/lib/djauthd/djauthd'));
  const lacking = run('systemd-analyze', 'verify', '--man=no', `--root=${stage}`, 'djauthd.service');
  t.match(
    lacking,
    { status: 1, said: /lib\/djauthd\/djauthd is not executable/ },
    'a missing program would have been reported',
  );
  t.end();
});

t.test('the service makes the file for leases that a socket of an earlier version lacks', async (t) => {
  const directory = temporary(t);
  const unit = readFileSync(join(ROOT, 'systemd/djauthd.service'), 'utf8');
  const command = /^ExecStartPre=-\+\/bin\/sh -c '(.*)'$/m.exec(unit)?.[1] ?? '';
  // systemd puts one dollar sign in the place of two.
  const script = command.replaceAll('$$', () => '$').replace('/run/djauthd', directory);
  const socket = join(directory, 'auth.sock');
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  t.teardown(() => server.close());
  const root = process.getuid?.() === 0;
  if (root) chownSync(socket, 1, 2);
  const run = () => spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
  t.match(run(), { status: 0, stderr: '' });
  t.strictSame(readdirSync(directory).sort(), ['auth.sock', 'auth.sock.epoch'], 'not for a socket that is not there');
  const { size, mode, uid, gid } = statSync(`${socket}.epoch`);
  t.strictSame([size, mode & 0o777], [8, 0o440]);
  if (root) t.strictSame([uid, gid], [1, 2], 'it belongs to whom the socket belongs to');
  chmodSync(`${socket}.epoch`, 0o640);
  writeFileSync(`${socket}.epoch`, '12345678');
  t.match(run(), { status: 0, stderr: '' });
  t.equal(readFileSync(`${socket}.epoch`, 'latin1'), '12345678', 'one that is there stays as it is');
});

t.test('an installation that fails says why in one sentence', (t) => {
  const copy = temporary(t);
  const stage = temporary(t);
  cpSync(join(ROOT, 'scripts'), join(copy, 'scripts'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
  const refused = (env: NodeJS.ProcessEnv, root: string, sentence: RegExp) => {
    const { status, stderr, lines } = npm('install:system', { DESTDIR: stage, ...env }, root);
    t.equal(status, 1);
    t.match(stderr, sentence);
    t.notMatch(stderr, /\n +at /, 'without a stack trace');
    t.same(lines, []);
  };
  refused({}, copy, /^install: .*\/build\/djauthd not found; run "npm run build" first$/m);
  mkdirSync(join(copy, 'build'));
  for (const name of ['djauthd', 'djauth', 'libdjauth.so', 'libdjauth.a', 'mod_authnz_django.so']) {
    writeFileSync(join(copy, 'build', name), '');
  }
  refused({}, copy, /^install: node_modules\/\S+ not found; run "npm install" first$/m);
  refused({ PREFIX: 'usr' }, ROOT, /^install: invalid PREFIX "usr"; accepted: an absolute path/m);
  refused({ DESTDIR: 'x' }, ROOT, /^install: invalid DESTDIR "x"; accepted: an absolute path/m);
  refused({ PREFIX: '/opt/my programs' }, ROOT, /^install: invalid PREFIX "\/opt\/my programs"; accepted/m);
  t.same(readdirSync(stage), []);
  t.end();
});

t.test('manual pages', (t) => {
  for (const page of ['daemon/man/djauthd.8', 'daemon/man/djauthd.toml.5']) {
    const { status, stderr } = spawnSync('groff', ['-man', '-Tutf8', '-ww', join(ROOT, page)], { encoding: 'utf8' });
    t.same({ status, stderr }, { status: 0, stderr: '' }, page);
  }
  t.end();
});

t.test('a build without its programs names them and the command that installs them', (t) => {
  const programs = temporary(t);
  for (const name of ['node', 'sh', 'cc', 'make']) {
    const path = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
    symlinkSync(path, join(programs, name));
  }
  const copy = temporary(t);
  for (const name of ['scripts', 'daemon', 'protocol', 'client-c', 'package.json']) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const { status, stderr } = spawnSync(process.execPath, ['scripts/build.mjs'], {
    cwd: copy,
    env: { ...process.env, PATH: programs },
    encoding: 'utf8',
  });
  t.equal(status, 1);
  t.match(stderr, /^build: pkg-config, apxs not found; run "npm run setup" /m);
  t.notMatch(stderr.slice(stderr.indexOf('build: pkg-config')), /\n +at /, 'without a stack trace');
  t.end();
});

t.test('with an old Node.js every program says the same sentence', (t) => {
  const old = join(temporary(t), 'old.cjs');
  writeFileSync(
    old,
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.18.3' } });`,
  );
  const commands = [
    [join(ROOT, 'build/djauthd'), 'version'],
    ['node', 'scripts/prerequisites.cjs'],
    ['node', 'scripts/install.mjs'],
    ['sh', 'scripts/demo.sh', '--help'],
    ['sh', 'test/run.sh', 'test/unit/none.test.ts'],
  ] as const;
  for (const [program, ...words] of commands) {
    const { status, stdout, stderr } = spawnSync(program, words, {
      cwd: ROOT,
      env: { ...process.env, NODE_OPTIONS: `--require=${old}`, DESTDIR: temporary(t) },
      encoding: 'utf8',
    });
    t.match(stderr, /^djauthd requires Node\.js 20\.19 or later; \S+ is 20\.18\.3\n$/, words.join(' '));
    t.same({ status, stdout }, { status: 1, stdout: '' }, words.join(' '));
  }
  // npm checks the same before it installs anything.
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  t.match(engines.node, /^\^20\.19\.0 /);
  t.match(readFileSync(join(ROOT, '.npmrc'), 'utf8'), /^engine-strict=true$/m);
  t.end();
});
