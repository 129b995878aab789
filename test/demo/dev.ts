import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onChange } from '../../scripts/watch.ts';
import { createSite } from '../fixtures/site.ts';
import { PASSWORD, USERS } from './world.ts';

/*
 * npm run dev: a daemon beside a small SQLite site, rebuilt and restarted when its sources change. The site stays in
 * build/dev/ between runs; its configuration may be edited there.
 */
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const DIRECTORY = join(ROOT, 'build/dev');
const CONFIG = join(DIRECTORY, 'djauthd.toml');
const SOCKET = join(DIRECTORY, 'auth.sock');

function prepareSite(): void {
  mkdirSync(DIRECTORY, { recursive: true });
  const database = join(DIRECTORY, 'db.sqlite3');
  if (!existsSync(database)) {
    createSite(
      database,
      USERS.map(({ about: _, ...user }) => ({ ...user, password: PASSWORD })),
      { groups: { Editors: ['shop.change_order'] } },
    ).close();
  }
  if (existsSync(CONFIG)) return;
  const control = join(DIRECTORY, 'control.sock');
  writeFileSync(
    CONFIG,
    `[listen]\nsocket = "${SOCKET}"\ncontrol = "${control}"\n\n[sites.dev]\ndatabase = "sqlite://${database}"\n`,
  );
}

function build(): boolean {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--daemon'], { stdio: 'inherit' });
  if (status === 0) console.log(`built in ${Math.round(performance.now() - started)} ms`);
  else console.log('the build failed: the daemon that runs is the previous one');
  return status === 0;
}

function start(): ChildProcess {
  return spawn(join(ROOT, 'build/djauthd'), ['serve', '--config', CONFIG], { stdio: 'inherit' });
}

prepareSite();
if (!build()) process.exit(1);
console.log(`socket  ${SOCKET}
config  ${CONFIG}
users   ${USERS.map(({ username }) => username).join(', ')}; password "${PASSWORD}"
try     echo '${PASSWORD}' | build/djauth check --socket ${SOCKET} alice
        build/djauthd stats --config ${CONFIG}
`);
let daemon = start();
let restarting = false;
onChange(['daemon', 'protocol'], () => {
  if (restarting || !build()) return;
  restarting = true;
  daemon.once('exit', () => {
    daemon = start();
    restarting = false;
  });
  daemon.kill('SIGTERM');
});
process.on('SIGINT', () => daemon.once('exit', () => process.exit(0)));
