import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import t, { type Test } from 'tap';

// What of the RPM packages and of the container can be tested on Debian: rpm reads the spec, but has none of Fedora's packages.
const ROOT = join(import.meta.dirname, '../..');
const SPEC = join(ROOT, 'packaging/rpm/djauthd.spec');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** Fedora's macros for the places that the spec names. */
const MACROS = {
  _prefix: '/usr',
  _libdir: '/usr/lib64',
  _unitdir: '/usr/lib/systemd/system',
  _sysusersdir: '/usr/lib/sysusers.d',
  _tmpfilesdir: '/usr/lib/tmpfiles.d',
  _httpd_moddir: '/usr/lib64/httpd/modules',
  _httpd_modconfdir: '/etc/httpd/conf.modules.d',
  _httpd_confdir: '/etc/httpd/conf.d',
  _httpd_mmn: '20120211x8664',
};
const DEFINES = Object.entries(MACROS).flatMap(([name, value]) => ['-D', `${name} ${value}`]);

function temporary(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-r-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The lines of the spec's %files sections, by package, as rpm expands them. */
function listed(spec: string): { owner: string; path: string }[] {
  const found: { owner: string; path: string }[] = [];
  let owner: string | undefined;
  for (const line of spec.split('\n')) {
    const section = /^%(\w+)(?: -n (\S+))?$/.exec(line);
    if (section) owner = section[1] === 'files' ? (section[2] ?? 'djauthd') : undefined;
    else if (owner !== undefined && line !== '' && !/^%(license|doc|dir) /.test(line)) {
      found.push({ owner, path: line.replace(/^(%\w+(\([^)]*\))? )+/, '') });
    }
  }
  return found;
}

t.test('rpm reads the spec, and each file that is installed is in one of its packages', (t) => {
  const { status, stdout, stderr } = spawnSync('rpmspec', ['-P', ...DEFINES, SPEC], { encoding: 'utf8' });
  t.equal(status, 0, stderr);
  t.match(stdout, new RegExp(`^Version: +${version.replaceAll('.', '\\.')}$`, 'm'), 'the version of package.json');
  const all = listed(stdout).map(({ owner, path }) => ({
    owner,
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}(/|$)`),
  }));
  t.same([...new Set(all.map(({ owner }) => owner))].sort(), [
    ...['djauth', 'djauthd', 'libdjauth', 'libdjauth-devel', 'mod_authnz_django'],
  ]);

  const stage = temporary(t);
  const environment = {
    ...process.env,
    ...{ DESTDIR: stage, PREFIX: '/usr', LIBDIR: MACROS._libdir, MODULEDIR: MACROS._httpd_moddir },
    MODSDIR: '/usr/share/djauthd/apache',
  };
  execFileSync(process.execPath, ['scripts/install.mjs', '--package'], {
    cwd: ROOT,
    env: environment,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const files = readdirSync(stage, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => `/${relative(stage, join(entry.parentPath, entry.name))}`)
    // %install moves these two, and puts a line of its own in the place of the first.
    .map((file) =>
      file.replace('/usr/share/djauthd/apache/authnz_django.load', '/etc/httpd/conf.modules.d/10-authnz_django.conf'),
    )
    .map((file) =>
      file.replace('/usr/share/djauthd/apache/authnz_django.conf', '/etc/httpd/conf.d/authnz_django.conf'),
    );
  t.ok(files.length > 50, `${files.length} files`);
  const owners = (file: string) => all.filter(({ pattern }) => pattern.test(file)).map(({ owner }) => owner);
  t.same(
    files.map((file) => [file, owners(file)] as const).filter(([, owner]) => owner.length !== 1),
    [],
    'a path that is new belongs into %files of one package',
  );
  t.same(
    all.filter(({ pattern }) => !files.some((file) => pattern.test(file))).map(({ pattern }) => `${pattern}`),
    [],
    'and none is listed that is not there',
  );
  t.end();
});

t.test('rpmlint finds nothing but what packaging/rpm/rpmlint.toml explains', (t) => {
  const config = join(ROOT, 'packaging/rpm/rpmlint.toml');
  const { stdout } = spawnSync('rpmlint', ['-c', config, SPEC], { encoding: 'utf8' });
  t.match(stdout, / 1 specfiles checked; 0 errors, 0 warnings/);
  t.end();
});

t.test('the container file: a daemon that is not root, on the Node.js that reads SQLite by itself', (t) => {
  const text = readFileSync(join(ROOT, 'packaging/container/Containerfile'), 'utf8').replace(/\\\n/g, ' ');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of lines) {
    t.match(line, /^(FROM|WORKDIR|COPY|RUN|ENV|USER|VOLUME|STOPSIGNAL|HEALTHCHECK|ENTRYPOINT|CMD) \S/, line);
  }
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
  t.match(last[0], /:24-\w+-slim$/);
  t.ok(last.includes('USER djauthd'));
  t.ok(last.some((line) => line.startsWith('VOLUME ["/run/djauthd"')));
  t.same(JSON.parse((last.find((line) => line.startsWith('ENTRYPOINT ')) as string).slice(11)), ['djauthd']);
  // The shell reads each RUN, and each script that it names is one of this tree.
  for (const line of lines.filter((each) => each.startsWith('RUN '))) {
    t.equal(spawnSync('sh', ['-n', '-c', line.slice(4)]).status, 0, line);
  }
  t.end();
});
