// Says in one sentence what has to be done before a script of package.json can run.
require('./require-node.cjs');
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { dependencies, devDependencies } = require('../package.json');

const missing = Object.keys({ ...dependencies, ...devDependencies }).filter(
  (name) => !existsSync(join(__dirname, '../node_modules', name)),
);
if (missing.length > 0) {
  console.error(
    `node_modules lacks ${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ' and more' : ''}; run "npm ci" first`,
  );
  process.exit(1);
}
