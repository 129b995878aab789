import { rmSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { type Expression, parseExpression } from '../../daemon/policy/expression.ts';
import { configtest, publicDirectory, startApache } from '../fixtures/apache.ts';
import { connect } from '../fixtures/client.ts';
import { directivesOf, expressions } from '../fixtures/expressions.ts';
import { SERVER } from '../fixtures/httpd.ts';
import type { Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

const password = 'secret';
const PEOPLE: Person[] = [
  { username: 'alice', password, isStaff: true, groups: ['Developers'] },
  { username: 'bob', password, groups: ['Developers', 'Banned'] },
  { username: 'boss', password, isSuperuser: true },
  { username: 'plain', password },
  { username: 'gone', password, isActive: false },
];
const EXPRESSIONS = 80;

/** Sections of Require lines are 2.4's; in 2.2 lines are alternatives. */
if (SERVER.compounds) {
  t.test('what explain says of Require lines is what httpd answers', async (t) => {
    const directory = publicDirectory();
    const { daemon } = await createWorld(t, PEOPLE, {
      groups: { Developers: ['svn.commit'], Banned: [] },
      config: '[hash]\ndenial_grid = 0\n[throttle]\nenabled = false\n',
      daemon: { directory, listen: 'group = "www-data"' },
    });
    const texts = [...new Set(fc.sample(expressions, EXPRESSIONS))];
    const doors = texts.map(
      (text, at) => `<Location "/${at}/">
AuthType Basic
AuthName x
AuthBasicProvider django
DjangoRequireStaffStatus ${at % 4 === 0 ? 'On' : 'Off'}
${directivesOf(parseExpression(text))}
</Location>`,
    );
    const files = Object.fromEntries(texts.map((_, at) => [`${at}/index.html`, 'inside']));
    const apache = await startApache(`DjangoAuthSocket "${daemon.socket}"\n${doors.join('\n')}`, { files });
    const control = await connect(daemon.control);
    t.teardown(async () => {
      control.close();
      await apache.stop();
      rmSync(directory, { recursive: true, force: true });
    });
    const answers = { 200: 0, 401: 0 } as Record<number, number>;
    for (const [at, text] of texts.entries()) {
      for (const { username } of PEOPLE) {
        const staff = at % 4 === 0;
        const { content } = await control.ask('explain', {
          ...{ username: Buffer.from(username), password: Buffer.from(password), expression: text },
          ...(staff ? { require: { staff } } : {}),
        });
        const { apache: expected } = JSON.parse(content.trace);
        const { status } = await apache.get(`/${at}/`, { user: username, password });
        answers[status] = (answers[status] ?? 0) + 1;
        if (status !== expected.status) t.equal(expected.status, status, `${username}, staff ${staff}: ${text}`);
      }
    }
    t.comment(JSON.stringify(answers));
    t.ok(
      Object.values(answers).every((count) => count > 20),
      JSON.stringify(answers),
    );
    t.same(Object.keys(answers), ['200', '401']);
  });

  t.test('what the parser refuses for httpd, httpd refuses', async (t) => {
    const line = (text: string, negated = false): Expression => ({
      kind: 'line',
      text: `${negated ? 'not ' : ''}${text}`,
      negated,
    });
    const staff = line('django-staff');
    const not = line('django-staff', true);
    const section = (kind: 'all' | 'any' | 'none', ...inner: Expression[]): Expression => ({ kind, text: kind, inner });
    for (const [part, text] of [
      [not, 'not django-staff'],
      [section('any', not), 'any(not django-staff)'],
      [section('none', staff), 'none(django-staff)'],
      [section('all', staff, section('none', not)), 'all(django-staff, none(not django-staff))'],
      [section('all', not), 'all(not django-staff)'],
      [section('all', section('none', staff)), 'all(none(django-staff))'],
      [line('django-permission commit'), 'django-permission commit'],
      [line('django-staff x'), 'django-staff x'],
      [line('django-group'), 'django-group'],
    ] as const) {
      t.throws(() => parseExpression(text), /invalid expression/, text);
      const { code, stderr } = await configtest(
        `<Location "/">\nAuthType Basic\nAuthName x\n${directivesOf(part)}\n</Location>`,
      );
      t.not(code, 0, `${text}: ${stderr}`);
    }
  });
} else {
  t.pass('httpd 2.2 has no sections of Require lines');
}
