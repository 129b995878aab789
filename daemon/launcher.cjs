'use strict';
// The program itself, which a shell starts: runs the bundle beside it with the code that V8 compiled at build time. This
// saves a fifth of the time until the daemon is ready.
//
// Both files are in one directory: a user who can write one can write the other. Compiled code is used only for exactly
// the octets that it was compiled from, and V8 rejects code of another version of itself; the bundle is then compiled.
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const DIGEST_OCTETS = 32;
const filename = join(__dirname, 'djauthd.js');

/** The bundle, as a function with the parameters of a module. */
function compile() {
  const octets = readFileSync(filename);
  const source = octets.toString('latin1'); // all ASCII: the build ensures it
  const cachedData = compiledOf(octets);
  return new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
}

function compiledOf(source) {
  try {
    const cache = readFileSync(join(__dirname, 'djauthd.cache'));
    const compiled = cache.subarray(DIGEST_OCTETS);
    return digestOf(source, compiled).equals(cache.subarray(0, DIGEST_OCTETS)) ? compiled : undefined;
  } catch {
    return undefined; // the file is optional
  }
}

/** Binds compiled code to its source, and shows that it is complete. */
function digestOf(source, compiled) {
  return createHash('sha256').update(source).update(compiled).digest();
}

function run(script) {
  script.runInThisContext().call(exports, exports, require, module, filename, __dirname);
}

if (require.main === module) run(compile());
else module.exports = { compile, run, digestOf, filename }; // the build and the tests
