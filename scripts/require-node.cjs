'use strict';
// Ends the program with one sentence if Node.js is too old. The build puts it before the launcher, and the scripts load it
// first. It must itself run on any version.
(() => {
  var version = process.versions.node.split('.').map(Number);
  if (version[0] > 20 || (version[0] === 20 && version[1] >= 19)) return;
  console.error(`djauthd requires Node.js 20.19 or later; ${process.execPath} is ${process.versions.node}`);
  process.exit(1);
})();
