// The golden frames as C tables on standard output; with --corpus DIR as files that a fuzzer starts from.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (name) =>
  JSON.parse(readFileSync(new URL(`../../protocol/vectors/${name}.json`, import.meta.url), 'utf8')).vectors;
const octets = (hex) => (hex.match(/../g) ?? []).map((octet) => `0x${octet}`).join(',');
const quoted = (text) => JSON.stringify(text);

if (process.argv[2] === '--corpus') {
  mkdirSync(process.argv[3], { recursive: true });
  for (const name of ['replies', 'nonsense']) {
    for (const vector of read(name)) {
      // One octet that says which question it answers, then the body.
      const body = Buffer.from(vector.hex, 'hex').subarray(4);
      writeFileSync(join(process.argv[3], `${name}-${vector.name}`), Buffer.concat([Buffer.alloc(1), body]));
    }
  }
} else {
  console.log('typedef struct vector { const char *name; const unsigned char *frame; size_t length; } vector;');
  for (const name of ['requests', 'replies', 'nonsense']) {
    const vectors = read(name);
    for (const [at, { hex }] of vectors.entries()) {
      console.log(`static const unsigned char ${name}_${at}[] = {${octets(hex)}};`);
    }
    const rows = vectors.map((v, at) => `{${quoted(v.name)}, ${name}_${at}, sizeof(${name}_${at})}`);
    console.log(`static const vector ${name}[] = {${rows.join(', ')}};`);
    console.log(`enum { ${name}_count = ${vectors.length} };`);
  }
}
