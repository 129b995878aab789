// npm's "prepare": builds better-sqlite3 on a Node.js whose own SQLite the daemon does not use. npm does not run the
// package's script (allowScripts in package.json), because Node.js 24 and later need no compiler.
const { spawnSync } = require('node:child_process');
const { existsSync, openSync } = require('node:fs');
const { join } = require('node:path');

const directory = join(__dirname, '../node_modules/better-sqlite3');
const log = join(__dirname, '../node_modules/.better-sqlite3.log');
const isBuilt = () => existsSync(join(directory, 'build/Release/better_sqlite3.node'));

if (Number.parseInt(process.versions.node, 10) < 24 && !isBuilt()) {
  console.error(
    `Building better-sqlite3 for Node.js ${process.versions.node}: seconds if a binary can be downloaded, else minutes ...`,
  );
  if (existsSync(directory)) {
    const output = openSync(log, 'w');
    spawnSync('npm', ['run', 'install'], { cwd: directory, stdio: ['ignore', output, output] });
  }
  if (!isBuilt()) {
    console.error(
      'better-sqlite3 cannot be built, so djauthd cannot read SQLite databases: install g++, make and python3 and run ' +
        `"npm ci" again, or use Node.js 24 or later${existsSync(log) ? `; the compiler's messages are in ${log}` : ''}`,
    );
  }
}
