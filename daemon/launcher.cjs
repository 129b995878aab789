'use strict';
// The program itself, once a shell has set what it has to: runs the bundle beside it, with what V8 compiled of that at
// the build. This saves a fifth of the time until the daemon is ready.
//
// Both files lie in one directory: who can write the one can write the other. The compiled code is taken only for the
// very octets that it was compiled from, and V8 refuses what another version of itself made; then it compiles anew.
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const DIGEST_OCTETS = 32;
const filename = join(__dirname, 'djauthd.js');

/** The bundle, as a function of what Node gives a module. */
function compile() {
  const octets = readFileSync(filename);
  const source = octets.toString('latin1'); // it is all ASCII, which the build sees to
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
    return undefined; // there need be none
  }
}

/** What compiled code is bound to its source by, and known to be whole. */
function digestOf(source, compiled) {
  return createHash('sha256').update(source).update(compiled).digest();
}

function run(script) {
  script.runInThisContext().call(exports, exports, require, module, filename, __dirname);
}

if (require.main === module) run(compile());
else module.exports = { compile, run, digestOf, filename }; // the build and the tests
