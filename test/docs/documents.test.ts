import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { createProgram } from '../../daemon/command/program.ts';
import { parseConfig } from '../../daemon/config/config.ts';
import { sectionsOf } from '../../daemon/config/key.ts';
import { schema } from '../../daemon/config/schema.ts';
import { blocksOf, codesOf, documents, proseOf, ROOT, textOf } from './blocks.ts';

/** The anchor that GitHub gives a heading. */
function anchor(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\-_ ]/gu, '')
    .replaceAll(' ', '-');
}

function anchorsOf(file: string): string[] {
  return [...proseOf(file).matchAll(/^#+ (.*)$/gm)].map((match) => anchor(match[1] as string));
}

t.test('links lead somewhere', async (t) => {
  for (const file of documents()) {
    for (const [, target = ''] of proseOf(file).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path = '', fragment] = target.split('#');
      const found = path === '' ? file : join(dirname(file), path);
      if (!existsSync(join(ROOT, found))) t.fail(`${file}: no such file: ${target}`);
      else if (fragment) t.ok(anchorsOf(found).includes(fragment), `${file}: no such heading: ${target}`);
      else t.pass(target);
    }
  }
});

t.test('keys that documents name are keys', async (t) => {
  const sections = sectionsOf(schema);
  const known = new Set(
    sections.flatMap(({ path, keys }) =>
      ['', ...keys.map(({ name }) => name)].map((name) =>
        [...path.map((part) => (part === '*' ? 'NAME' : part)), name].filter(Boolean).join('.'),
      ),
    ),
  );
  const tops = new Set(sections.map(({ path }) => path[0]).filter((name) => name !== undefined));
  for (const file of documents()) {
    for (const code of codesOf(file)) {
      const [, key = '', name = ''] = /^(([a-z]+)\.[A-Za-z_.]+)(?: = .*)?$/.exec(code) ?? [];
      if (tops.has(name)) t.ok(known.has(key), `${file}: no such key: ${code}`);
    }
  }
});

t.test('commands that documents name are commands', async (t) => {
  const program = createProgram();
  const lines = (file: string) => [
    ...codesOf(file),
    ...blocksOf(file)
      .filter(({ language }) => language === 'sh')
      .flatMap(({ text }) => text.split('\n')),
  ];
  for (const file of documents()) {
    for (const line of lines(file)) {
      for (const [, name = '', rest = ''] of line.matchAll(/(?:^|[;&|] *)djauthd ([a-z][a-z-]*)([^;&|#]*)/g)) {
        const command = program.commands.find((one) => one.name() === name);
        t.ok(command, `${file}: no such command: ${line}`);
        for (const [option] of rest.matchAll(/(?<=\s|\[)--[a-z-]+/g)) {
          t.ok(
            command?.options.some(({ long }) => long === option),
            `${file}: no such option: ${option}: ${line}`,
          );
        }
      }
    }
  }
});

t.test('messages that docs/configuration.md shows are the messages', async (t) => {
  const source = `[listen]\nsocket = "/s"\n[sites."mysite.settings"]\ndatabase = "sqlite:///x"\ndatabse = "x"\n[cache]\naccount_ttl = "soon"\n`;
  const shown = blocksOf('docs/configuration.md').find(({ language }) => language === '')?.text ?? '';
  t.throws(() => parseConfig(source, '/etc/djauthd/djauthd.toml'), {
    message: shown.trim(),
  });
});

/** Messages of libc and of systemd, which stand in no source of ours. */
const FOREIGN = ['Permission denied', 'status=203/EXEC'];

t.test('messages that docs/troubleshooting.md explains are messages of the programs', async (t) => {
  const rows = [...textOf('docs/troubleshooting.md').matchAll(/^\| (`.*?) \| .*\|$/gm)];
  const messages = rows.flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text));
  t.ok(messages.length > 12);
  for (const message of messages.filter((text) => !FOREIGN.includes(text))) {
    const { status } = spawnSync('grep', ['-rqF', '-e', message, 'daemon', 'client-c'], { cwd: ROOT });
    t.equal(status, 0, `no such message: ${message}`);
  }
});

t.test("the README's picture shows the folders that there are", async (t) => {
  const picture = blocksOf('README.md').find(({ language }) => language === '')?.text ?? '';
  const shown = [...picture.matchAll(/\b(?:daemon|client-c|protocol)\/(?:[a-z]+\/)?/g)].map(([path]) => path);
  t.ok(shown.length > 8);
  for (const path of shown) t.ok(existsSync(join(ROOT, path)), `no such folder: ${path}`);
});

t.test('the README stays short', async (t) => {
  t.ok(textOf('README.md').split('\n').length <= 230);
});
