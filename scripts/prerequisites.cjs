// Says in one sentence what has to be done before a script of package.json can run.
require('./require-node.cjs');
const { existsSync } = require('node:fs');
const { join } = require('node:path');

if (!existsSync(join(__dirname, '../node_modules/esbuild'))) {
  console.error('node_modules is missing or incomplete; run "npm ci" first');
  process.exit(1);
}
