// Checks that package-lock.json binds every package to its content: npm ci takes one without "integrity" as it comes.
import { readFileSync } from 'node:fs';

const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
const loose = Object.entries(packages).filter(
  ([path, { integrity, link }]) => path !== '' && link !== true && !/^sha512-/.test(integrity ?? ''),
);
for (const [path, { version }] of loose) {
  const name = path.split('node_modules/').at(-1);
  console.error(
    `package-lock.json: ${name} ${version} has no sha512 integrity; take one from "npm view ${name}@${version} ` +
      'dist.integrity", or another version of the package that needs it',
  );
}
if (loose.length > 0) process.exit(1);
