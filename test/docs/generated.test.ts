import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createProgram } from '../../daemon/command/program.ts';
import { parseConfig } from '../../daemon/config/config.ts';
import { sectionsOf } from '../../daemon/config/key.ts';
import { schema } from '../../daemon/config/schema.ts';
import { STOCK } from '../../daemon/store/schema.ts';

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENTS = [
  'docs/configuration.md',
  'daemon/man/djauthd.toml.5',
  'daemon/config/djauthd.toml',
  'daemon/man/djauthd.8',
];

const read = (path: string, root = ROOT) => readFileSync(join(root, path), 'utf8');

/** `npm run docs` in a tree, with its arguments. */
function docs(root: string, ...words: string[]) {
  const { status, stderr } = spawnSync('npx', ['tsx', 'scripts/docs.mjs', ...words], { cwd: root, encoding: 'utf8' });
  return { status, stderr };
}

t.test('a new key or option is one entry in one file; lint fails until the documents follow', (t) => {
  const copy = mkdtempSync(join(tmpdir(), 'djauthd-docs-'));
  t.teardown(() => rmSync(copy, { recursive: true, force: true }));
  for (const part of ['daemon', 'protocol', 'docs', 'scripts', 'package.json', 'tsconfig.json']) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  }
  mkdirSync(join(copy, 'test'));
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  t.same(docs(copy, '--check'), { status: 0, stderr: '' }, 'the documents are up to date');

  const edit = (path: string, entry: RegExp, added: string) => {
    const before = read(path, copy);
    const after = before.replace(entry, added);
    t.not(after, before, path);
    writeFileSync(join(copy, path), after);
  };
  edit(
    'daemon/config/keys.ts',
    /^( *)account_ttl: key\(/m,
    "$1moon_phase: key(oneOf('new', 'full'), { about: 'Which `moon` shines.', default: 'full' }),\n$&",
  );
  edit('daemon/command/program.ts', /\.option\('--user <name>'/, ".option('--moon <phase>', 'by moonlight')\n$&");
  edit('daemon/command/exit-code.ts', /code: 2, about: '/, '$&Moonless. ');
  const behind = docs(copy, '--check');
  t.equal(behind.status, 1);
  for (const path of DOCUMENTS) t.match(behind.stderr, `${path} is behind its table in the code; run: npm run docs`);
  t.equal(read('docs/configuration.md', copy), read('docs/configuration.md'), '--check writes nothing');

  t.equal(docs(copy).status, 0);
  t.equal(docs(copy, '--check').status, 0);
  t.match(
    read(DOCUMENTS[0] as string, copy),
    /^\| `moon_phase` \| .*"new", "full".* \| `"full"` \| Which `moon` shines\. \|$/m,
  );
  t.match(read(DOCUMENTS[1] as string, copy), /^\.B "cache\.moon_phase"\nWhich \\fBmoon\\fR shines\.$/m);
  t.match(read(DOCUMENTS[2] as string, copy), /^# Which moon shines\.\n#moon_phase = "full"$/m);

  t.match(
    read(DOCUMENTS[3] as string, copy),
    /\\fB\\-\\-moon\\fR \\fIPHASE\\fR\nBy moonlight\.$[\s\S]*^\.B 2\nMoonless\.$/m,
  );

  writeFileSync(
    join(copy, 'try.ts'),
    `import { parseConfig } from './daemon/config/config.ts';
    const least = '[listen]\\nsocket = "/s"\\n[sites.x]\\ndatabase = "sqlite:///x"\\n';
    const phase: 'new' | 'full' = parseConfig(least, 'f').cache.moon_phase;
    console.log(phase, parseConfig(least + '[cache]\\nmoon_phase = "new"', 'f').cache.moon_phase);`,
  );
  const tried = spawnSync('npx', ['tsx', 'try.ts'], { cwd: copy, encoding: 'utf8' });
  t.equal(tried.stdout, 'full new\n', tried.stderr);
  t.end();
});

t.test(
  'djauthd.toml(5) has a type for each key and an example for each section, and the examples are a configuration',
  (t) => {
    const page = read('daemon/man/djauthd.toml.5');
    const keys = sectionsOf(schema).flatMap((section) => section.keys);
    t.equal(page.match(/^Type:$/gm)?.length, keys.length);
    const examples = [...page.matchAll(/^Example:\n\.PP\n\.RS\n\.EX\n([\s\S]*?)^\.EE$/gm)].map(([, text = '']) =>
      text.replaceAll('\\(dq', '"').replaceAll('\\-', '-').replaceAll('\\e', '\\'),
    );
    t.equal(examples.length, sectionsOf(schema).filter((section) => section.keys.length > 0).length);
    const { sites, listen } = parseConfig(examples.join('\n'), 'examples');
    t.ok(listen.socket && sites['mysite.settings']?.schema.user.table);
    t.end();
  },
);

t.test('the help of each command begins with what it requires', (t) => {
  const { commands } = createProgram();
  for (const command of commands) {
    const [usage = ''] = command.helpInformation().split('\n\n');
    const required = [
      ...command.options.filter(({ mandatory }) => mandatory).map(({ long }) => long as string),
      ...command.registeredArguments.filter((argument) => argument.required).map((argument) => `<${argument.name()}>`),
    ];
    for (const each of required) t.ok(usage.includes(each), `${command.name()}: ${usage}`);
  }
  const help = commands.find((command) => command.name() === 'import')?.helpInformation() ?? '';
  t.match(help, /^Usage: djauthd import --settings <module> \[options\]\n {7}djauthd import --install --site <name> /);
  t.match(help, /Options:\n {2}--settings <module> .*; required/, 'and so do its options');
  t.end();
});

t.test('the sample file is accepted with every line of it in use, and then says nothing but defaults', (t) => {
  const sample = read('daemon/config/djauthd.toml');
  const everything = sample.replace(/^#(?=\[|[a-z_]+ = )/gm, '');
  t.ok(everything.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length > 60);
  const { sites, listen, ...rest } = parseConfig(everything, 'sample');
  const least = parseConfig('[listen]\nsocket = "/s"\n[sites.x]\ndatabase = "sqlite:///x"\n', 'least');
  const { sites: _, listen: __, ...defaults } = least;
  // Keys without a default have an example.
  const { store, password_file, key_file, ...throttle } = rest.throttle;
  t.ok(store && password_file && key_file);
  t.same({ ...rest, throttle }, defaults);
  t.equal(listen.mode, least.listen.mode);
  const { user, ...tables } = STOCK;
  t.match(sites['mysite.settings']?.schema, { ...tables, user: { ...user, parents: [{ table: 'people_person' }] } });
  t.throws(() => parseConfig(sample, 'sample'), { message: 'sample: missing section [sites]' });
  t.end();
});
