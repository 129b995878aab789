import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { driver } from '../../daemon/store/sqlite/drivers.ts';
import { startDaemon } from '../fixtures/daemon.ts';
import { createSite } from '../fixtures/site.ts';

const ROOT = join(import.meta.dirname, '../..');

// Without scripts: the tree is built, and better-sqlite3 would be compiled for minutes where no binary can be downloaded.
t.test('npm pack makes an archive that npm install -g installs', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-n-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const npm = (...words: string[]) => {
    const ran = spawnSync('npm', [...words, '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    t.equal(ran.status, 0, ran.stderr);
    return ran.stdout;
  };
  execFileSync('sh', ['-c', 'node scripts/licenses.mjs >build/licenses.txt'], { cwd: ROOT });
  const [packed] = JSON.parse(npm('pack', '--json', '--pack-destination', directory));
  const files: string[] = packed.files.map(({ path }: { path: string }) => path);
  for (const file of ['build/djauthd', 'build/licenses.txt', 'LICENSE', 'systemd/djauthd.service']) {
    t.ok(files.includes(file), file);
  }
  t.notOk(
    files.some((file) => /^(test|client-c|node_modules|\.)|\.cache$|\.tsbuildinfo$/.test(file)),
    'and nothing else',
  );

  const prefix = join(directory, 'prefix');
  npm('install', '--global', '--prefix', prefix, '--prefer-offline', join(directory, packed.filename));
  t.ok(existsSync(join(prefix, 'share/man/man8/djauthd.8')), 'with its manual pages');
  const installed = join(prefix, 'lib/node_modules/djauthd');
  const sqlite = 'node_modules/better-sqlite3/build';
  if (driver.name !== 'node:sqlite') cpSync(join(ROOT, sqlite), join(installed, sqlite), { recursive: true });
  t.ok(readdirSync(join(installed, 'build')).includes('pbkdf2.node'));

  const site = createSite(join(directory, 'db.sqlite3'), [{ username: 'alice', password: 'secret' }]);
  const daemon = await startDaemon({
    program: join(prefix, 'bin/djauthd'),
    cwd: '/',
    env: { NODE_PATH: '' },
    config: `[sites.site]\ndatabase = "${site.url}"`,
  });
  t.teardown(async () => {
    await daemon.stop();
    site.close();
  });
  const client = await daemon.connect();
  t.equal((await client.check('alice', 'secret')).status, 0);
  t.equal((await client.check('alice', 'wrong')).status, 1);
});
