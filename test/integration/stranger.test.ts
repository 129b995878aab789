import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { createWorld } from '../fixtures/world.ts';

t.test('a client written from PROTOCOL.md alone gets the right replies', async (t) => {
  const { daemon } = await createWorld(t, [
    { username: 'alice', password: 'pässword', isStaff: true, groups: ['Editors'] },
    { username: 'bob', password: 'secret' },
  ]);
  const bin = (text: string, encoding: BufferEncoding = 'utf8') => ({
    bin: Buffer.from(text, encoding).toString('hex'),
  });
  const check = (username: string, password: object, rest = {}) => ({
    operation: 'check',
    arguments: { username: bin(username), password, ...rest },
  });
  const questions: [object, number, string?][] = [
    [{ operation: 'ping', arguments: {} }, 0],
    [check('alice', bin('pässword')), 0],
    [check('alice', bin('pässword', 'latin1'), { require: { staff: true, groups: ['Editors', 'Others'] } }), 0],
    [check('bob', bin('secret'), { site: 'site', require: { staff: true }, deadline_ms: 5000 }), 1, 'not-staff'],
    [check('bob', bin('Secret'), { client: { address: '192.0.2.1', service: 'stranger' } }), 1, 'wrong-password'],
    [check('nobody', bin('')), 2, 'unknown-user'],
    [check('bob', bin('secret'), { site: 'elsewhere' }), 4],
    [{ operation: 'authorize', arguments: { username: bin('bob'), want: ['permissions'] } }, 0],
    [
      { operation: 'authorize', arguments: { username: bin('bob'), require: { permissions: ['a.b'] } } },
      1,
      'no-permission',
    ],
  ];
  const { status, stdout, stderr } = spawnSync(
    '/usr/bin/python3',
    [join(import.meta.dirname, 'stranger.py'), daemon.socket],
    { input: questions.map(([question]) => JSON.stringify(question)).join('\n'), encoding: 'utf8' },
  );
  t.equal(status, 0, stderr);
  const replies = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.equal(replies.length, questions.length);
  for (const [number, [question, expected, reason]] of questions.entries()) {
    t.equal(replies[number].status, expected, JSON.stringify(question));
    if (reason) t.equal(replies[number].content.reason, reason);
  }
  t.same(replies[2].content.account.groups, ['Editors']);
  t.same(replies[7].content.account.permissions, []);
});
