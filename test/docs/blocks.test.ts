import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { METRICS, PREFIX } from '../../daemon/metrics/metrics.ts';
import { PROGRAM, startDaemon } from '../fixtures/daemon.ts';
import { PYTHON, startProject } from '../fixtures/django-project.ts';
import { createSite } from '../fixtures/site.ts';
import { type Block, blocksOf, documents, ROOT } from './blocks.ts';

/*
 * Every fenced block of the documents is run here, or named below with the test that runs it. A block that nothing
 * takes is a failure, and so is an entry of these lists that takes nothing.
 */

/** Blocks that another test runs: the document, the language, and the test file. */
const ELSEWHERE: readonly { file: RegExp; language: RegExp; test: string }[] = [
  { file: /./, language: /^apache$/, test: 'test/clients/documents.test.ts' },
  { file: /^docs\/databases\.md$/, language: /^sql$/, test: 'test/integration/session.test.ts' },
  { file: /^docs\/(walkthrough|without-systemd)\.md$/, language: /^sh$/, test: 'test/packages/packages.sh' },
  { file: /^docs\/hooks\.md$/, language: /./, test: 'test/hooks/document.test.ts' },
];

/** Commands that are not run here, and why. */
const NOT_RUN: readonly { command: RegExp; why: string }[] = [
  { command: /^npm (ci|install)( |$)/, why: 'needs the network; CI starts with it' },
  { command: /^npm (test|run demo)\b/, why: 'this is npm test; test/demo/demo.test.ts runs the demo' },
  {
    command: /^npm run (build|check|lint|unit|dev|sbom|test:watch|docs|bench)\b/,
    why: 'npm test begins with build, types and lint',
  },
  { command: /^npm run (un)?install:system\b/, why: 'test/service/install.test.ts' },
  { command: /^(apt|systemd-tmpfiles|rm -r \/etc\/djauthd$)/, why: 'npm run test:packages, in a root of Debian' },
  { command: /^npm pack\b/, why: 'test/service/npm-pack.test.ts' },
  { command: /^(install -d |podman )/, why: 'needs a registry of images' },
  { command: /^sh packaging\/rpm\/build\.sh/, why: 'needs Fedora; test/service/other-packages.test.ts' },
  { command: /^npm run (setup|package|test:packages)\b/, why: 'npm run test:packages' },
  { command: /^djauthd serve\b/, why: 'it does not end; test/integration/import.test.ts' },
  {
    command: /^(djauthd triggers|psql) /,
    why: 'the site here is in SQLite; test/integration/commit.test.ts runs them with PostgreSQL',
  },
  { command: /^make -C client-c /, why: 'the C tests and test/integration/libdjauth.test.ts' },
  {
    command: /^(systemctl|journalctl|systemd-analyze|a2enmod)\b/,
    why: 'needs systemd as PID 1, or an installed Apache',
  },
];

/** Text that is no command and no configuration. */
const TEXT: readonly { file: string; why: string }[] = [
  { file: 'README.md', why: 'the picture: test/docs/documents.test.ts' },
  { file: 'docs/configuration.md', why: 'messages of check-config: test/docs/documents.test.ts' },
];

const used = new Set<unknown>();

/** What a block has to do with, if a list names it. */
function listed<T extends object>(list: readonly T[], matches: (entry: T) => boolean): T | undefined {
  const entry = list.find(matches);
  if (entry) used.add(entry);
  return entry;
}

interface World {
  /** Runs a script as the reader would, in the place of a host with djauthd. */
  run(script: string): { status: number | null; output: string };
  checkConfig(text: string): { status: number | null; output: string };
}

/** A host: /etc/djauthd, /run/djauthd, /srv and the commands, below a directory. */
async function createHost(t: Test): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-b-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const site = createSite(
    join(directory, 'db.sqlite3'),
    [
      { username: 'alice', password: 'secret', isStaff: true, groups: ['Developers'] },
      { username: 'bob', password: 'secret' },
    ],
    { groups: { Developers: ['svn.commit', 'svn.change_trunk'] } },
  );
  const daemon = await startDaemon({ directory, config: `[sites."mysite.settings"]\ndatabase = "${site.url}"` });
  t.teardown(async () => {
    await daemon.stop();
    site.close();
  });
  const project = startProject(t);
  project.manage('migrate');
  mkdirSync(join(project.directory, 'venv/bin'), { recursive: true });
  symlinkSync(PYTHON, join(project.directory, 'venv/bin/python'));
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  const command = (name: string, text: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  // The site's user is whoever runs the test.
  command('sudo', '[ "$1" = -u ] && shift 2; exec "$@"');
  const imported = join(directory, 'imported/djauthd.toml');
  mkdirSync(dirname(imported));
  // Only what has no --config of its own takes the default, which is elsewhere here.
  command(
    'djauthd',
    `case "$*" in
import*--install*) set -- "$@" --write ${imported};;
import*|*--config*|*--django*) ;;
*) set -- "$@" --config ${daemon.configFile};;
esac
exec ${PROGRAM} "$@"`,
  );
  command('djauth', `exec ${join(ROOT, 'build/djauth')} "$@"`);
  const here = (text: string) =>
    text
      .replaceAll('/tmp/', `${directory}/`)
      .replaceAll('/etc/djauthd/djauthd.toml', imported)
      .replaceAll('/run/djauthd/', `${directory}/`)
      .replaceAll('/srv/mysite', project.directory);
  const environment = {
    ...process.env,
    PATH: `${bin}:${process.env.PATH}`,
    DJAUTH_SOCKET: daemon.socket,
    DJAUTH_CONTROL_SOCKET: daemon.control,
    password: 'secret',
  };
  const result = ({ status, stdout, stderr }: { status: number | null; stdout: string; stderr: string }) => ({
    status,
    output: stdout + stderr,
  });
  return {
    run: (script) =>
      result(
        spawnSync('bash', ['-euo', 'pipefail', '-c', here(script)], {
          cwd: directory,
          env: environment,
          encoding: 'utf8',
          timeout: 60_000,
        }),
      ),
    checkConfig(text) {
      const file = join(directory, 'block.toml');
      writeFileSync(file, text);
      for (const name of ['mysite', 'throttle-store', 'throttle-key']) {
        writeFileSync(join(directory, name), `${'secret'.repeat(8)}\n`, { mode: 0o600 });
      }
      const env = { ...environment, CREDENTIALS_DIRECTORY: directory };
      return result(spawnSync(PROGRAM, ['check-config', '--config', file], { encoding: 'utf8', env }));
    },
  };
}

/** A block of configuration with what it leaves to the reader. */
function completed(toml: string): string {
  const listen = /^\[listen\]/m.test(toml) ? '' : '[listen]\nsocket = "/run/djauthd/auth.sock"\n';
  const site = /^\[sites\./m.test(toml) ? '' : '[sites.x]\ndatabase = "sqlite:///srv/x"\n';
  return `${toml}\n${listen}${site}`;
}

/** The commands of a script, without those of NOT_RUN. A command may go over several lines. */
function withoutSetup(script: string): string {
  return script
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) =>
      line
        .split(/\s&&\s/)
        .filter((command) => !listed(NOT_RUN, (entry) => entry.command.test(command.trim())))
        .join(' && '),
    )
    .join('\n');
}

/** Lines that `[Service]` of a unit may have, by systemd's own word. */
function unitProblems(t: Test, text: string): string {
  const directory = t.testdir();
  const unit = join(directory, 'djauthd.service');
  copyFileSync(join(ROOT, 'systemd/djauthd.service'), unit);
  const source = readFileSync(unit, 'utf8').replace(/^ExecStart=.*$/m, 'ExecStart=/bin/true');
  writeFileSync(unit, `${source.replace(/^(Requires|After|Sockets|ExecReload)=.*$/gm, '')}\n${text}`);
  const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
  return (stdout + stderr)
    .split('\n')
    .filter((line) => /Unknown|Invalid|Failed to parse|ignoring/i.test(line))
    .join('\n');
}

t.test('every block of the documents', async (t) => {
  const host = await createHost(t);
  const metrics = new Set(METRICS.map(({ name }) => PREFIX + name));
  const runners: Readonly<Record<string, (block: Block, t: Test) => unknown>> = {
    sh({ text }, t) {
      const script = withoutSetup(text);
      if (!/^\s*[^#\s]/m.test(script)) return t.pass('nothing to run here');
      const { status, output } = host.run(script);
      t.equal(status, 0, output);
    },
    toml({ text }, t) {
      const { status, output } = host.checkConfig(completed(text));
      t.equal(status, 0, output);
    },
    // Prometheus' own files: only the names in them are ours.
    yaml({ text }, t) {
      for (const [name] of text.matchAll(/\bdjauthd_[a-z_]+/g)) t.ok(metrics.has(name), `no such metric: ${name}`);
      t.match(text, /djauthd/);
    },
    ini({ text }, t) {
      if (text.startsWith('[Service]')) return t.equal(unitProblems(t, text), '');
      // The PgBouncer of test/fault/prepared.test.ts and others is configured so.
      const pooler = readFileSync(join(ROOT, 'test/fixtures/pgbouncer.ts'), 'utf8').split('\n');
      for (const line of text.trim().split('\n')) t.ok(pooler.includes(line), line);
    },
  };
  for (const file of documents()) {
    for (const block of blocksOf(file)) {
      const { language, line } = block;
      await t.test(`${file}:${line} ${language}`, async (t) => {
        const elsewhere = listed(ELSEWHERE, (entry) => entry.file.test(file) && entry.language.test(language));
        if (elsewhere) return t.match(readFileSync(join(ROOT, elsewhere.test), 'utf8'), 'docs', elsewhere.test);
        if (language === '' && listed(TEXT, (entry) => entry.file === file)) return t.pass('text');
        const runner = runners[language];
        if (!runner) return t.fail(`no runner takes a block of "${language}": add one to test/docs/blocks.test.ts`);
        await runner(block, t);
      });
    }
  }
  for (const entry of [...ELSEWHERE, ...NOT_RUN, ...TEXT]) {
    t.ok(used.has(entry), `nothing in the documents is this any more: ${JSON.stringify(entry)} ${entry}`);
  }
});
