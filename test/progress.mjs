#!/usr/bin/env node
// A reporter for tap: one line for each test file that has ended, and each failure in full. Unlike tap's own reporters it
// writes no cursor movements, so its output can go to a file. It also saves the TAP output, because tap's --output-file
// prints everything a second time beside a reporter that is a program.
//
//   tap --reporter=test/progress.mjs --reporter-arg=OUTPUT.tap FILE...
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

const FILE = /^(not )?ok \d+ - (.+?) # (?:time=([\d.]+)ms|.*)/;
const FAILURE = /^\s*not ok |^\s*Bail out!/;

const output = createWriteStream(process.argv[2] ?? '/dev/null');
let planned = '?';
let ended = 0;
/** The indentation of the failure whose lines are being printed. */
let failure;

for await (const line of createInterface({ input: process.stdin })) {
  output.write(`${line}\n`);
  planned = /^1\.\.(\d+)/.exec(line)?.[1] ?? planned;
  const indentation = line.search(/\S/);
  if (failure !== undefined && indentation >= 0 && indentation <= failure) failure = undefined;
  if (FAILURE.test(line)) failure = indentation;
  if (failure !== undefined) console.log(line);
  const [, failed, name, ms = 0] = FILE.exec(line) ?? [];
  if (name === undefined) continue;
  ended++;
  if (!failed) console.log(`[${ended}/${planned}] ${name} ${(ms / 1000).toFixed(1)} s`);
  else console.log(`[${ended}/${planned}] FAILED ${name}`);
}
output.end();
