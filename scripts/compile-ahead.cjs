// Starts the daemon of build/ once and saves the code that V8 compiled for it. Run by build.mjs.
const { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const build = process.argv[2];
const { compile, run, digestOf, filename } = require(join(build, 'djauthd'));

const WAIT_MS = 15_000;
/** Time for what follows the start, such as the first database query, to be compiled as well. */
const SETTLE_MS = 200;

const directory = mkdtempSync(join(tmpdir(), 'djauthd-build-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const socket = join(directory, 'auth.sock');
const config = join(directory, 'djauthd.toml');
// One site for each kind of database; none of the databases exists.
const urls = [
  `sqlite://${directory}/none`,
  `postgres:///none?host=${directory}`,
  `mysql:///none?socket=${directory}/none`,
];
const sites = urls.map((url, at) => `[sites.site${at}]\ndatabase = "${url}"\n`).join('');
writeFileSync(
  config,
  `[listen]\nsocket = "${socket}"\ncontrol = "${socket}.control"\n[log]\nlevel = "silent"\n${sites}`,
);

const script = compile();
process.argv = [process.execPath, join(build, 'djauthd'), 'serve', '--config', config];
run(script);

const until = performance.now() + WAIT_MS;
const timer = setInterval(() => {
  if (!existsSync(socket)) {
    if (performance.now() > until) process.exit(1);
    return;
  }
  clearInterval(timer);
  setTimeout(() => {
    const file = join(build, 'djauthd.cache');
    const compiled = script.createCachedData();
    writeFileSync(`${file}.new`, Buffer.concat([digestOf(readFileSync(filename), compiled), compiled]));
    renameSync(`${file}.new`, file);
    process.exit(0);
  }, SETTLE_MS);
}, 5);
