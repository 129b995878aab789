import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { FrameReader } from '../../protocol/frame.ts';
import { encodeReply } from '../../protocol/reply.ts';
import { decodeRequest } from '../../protocol/request.ts';
import { publicDirectory, startApache } from '../fixtures/apache.ts';
import { connect } from '../fixtures/client.ts';
import { allGroups } from '../fixtures/groups.ts';
import { install, run, svnAt } from '../fixtures/hooks.ts';
import type { Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

const password = 'secret';

/** Names with which a groups file can and cannot say who is in which group. */
const GROUP_NAMES = [
  'Editors',
  'Back office',
  'Prüfer',
  'a,b',
  'a;b',
  'a\\b',
  'a"b"',
  "it's",
  'a/b',
  'a#b',
  'a[b]',
  ']',
  '%(x)s',
  '!x',
  '+x',
  '-x',
  'x@y',
  '(x)',
];
const BAD_GROUP_NAMES = [
  'a=b',
  'a:b',
  '=',
  ':',
  '@x',
  '$x',
  '&x',
  '*x',
  '~x',
  '[x',
  '[groups]',
  '#x',
  ' x',
  'x ',
  'a\nb',
  'a\rb',
  'a\tb',
  '\u007f',
];
const MEMBER_NAMES = [
  'alice',
  'bob@example.com',
  'a b',
  'a=b',
  'a:b',
  '#x',
  '[x]',
  '$x',
  '*',
  '~x',
  'Zoë',
  "it's",
  'a\\',
  '"q"',
  '+x',
  '-x',
  ';x',
  '%x',
  '(x)',
  'x&y',
  'x@',
];
const BAD_MEMBER_NAMES = ['@Editors', '&x', 'a,b', ',', ' x', 'x ', 'a\nb', 'a\tb', 'x\r', '%(Editors)s', 'x%('];

const lines = (file: string) => readFileSync(file, 'utf8').split('\n').slice(2, -1);

t.test('Subversion reads the groups that Django has', async (t) => {
  const { djauth, prefix } = install(t);
  const people: Person[] = [
    ...MEMBER_NAMES.map((username) => ({ username, groups: ['Editors'] })),
    ...GROUP_NAMES.map((group, number) => ({ username: `member${number}`, groups: [group] })),
  ];
  const { daemon, site } = await createWorld(t, people, { groups: { Nobody: [] } });
  const output = join(prefix, 'groups');
  const write = (...words: string[]) =>
    run(djauth, ['svn-groups', '--socket', daemon.control, '--output', output, ...words]);
  t.match(await write(), {
    code: 0,
    err: '',
    out: `written: ${GROUP_NAMES.length + 1} groups, ${people.length} members\n`,
  });

  const authz = join(prefix, 'authz');
  /** A user's access by a rule for a group, as Subversion itself reports it. */
  const access = async (user: string, group: string) => {
    writeFileSync(authz, `[/]\n@${group} = rw\n`);
    const { out, err } = await run('svnauthz', [
      'accessof',
      '--username',
      user,
      '--path',
      '/',
      '--groups-file',
      output,
      authz,
    ]);
    return `${out}${err}`.trim();
  };
  for (const name of MEMBER_NAMES) t.equal(await access(name, 'Editors'), 'rw', `member ${name}`);
  for (const [number, name] of GROUP_NAMES.entries()) {
    t.equal(await access(`member${number}`, name), 'rw', `group ${name}`);
    t.equal(await access(`member${number + 1}`, name), 'no', 'no other user');
  }
  t.match(await access('alice', 'Nobody'), /^no\b(?!.*undefined)/, 'a group without members is defined');
  t.match(await access('alice', 'Elsewhere'), /undefined group '@Elsewhere'/, 'a group that does not exist is not');

  site.update('alice', { isActive: false });
  t.match(await write(), { code: 0, out: /^written: / });
  t.equal(await access('alice', 'Editors'), 'no', 'an inactive user is in no group');

  for (const username of BAD_MEMBER_NAMES) site.add({ username, groups: ['Editors', 'Back office'] });
  for (const [number, group] of BAD_GROUP_NAMES.entries()) site.add({ username: `bad${number}`, groups: [group] });
  const before = lines(output);
  const omitted = await write();
  t.equal(omitted.code, 1, 'impossible names make the exit code 1');
  t.equal(
    omitted.err.match(/^djauth: omitted: member .* is not possible in a groups file of Subversion: it .*$/gm)?.length,
    2 * BAD_MEMBER_NAMES.length,
  );
  t.equal(
    omitted.err.match(/^djauth: omitted: group .* is not possible in a groups file of Subversion: it .*$/gm)?.length,
    BAD_GROUP_NAMES.length,
  );
  t.match(omitted.err, /member "a\\x0ab" of group "Editors"/, 'control characters do not reach a terminal');
  t.same(lines(output), before, 'they are not written');
  t.match(omitted.out, /^unchanged: /, 'so the file does not change');
  for (const [number] of BAD_GROUP_NAMES.entries()) t.equal(await access(`bad${number}`, 'Editors'), 'no');

  t.match(await write('--group', 'Editors', '--group', 'Renamed'), {
    code: 1,
    err: /no such group: "Renamed"; it is written without members/,
  });
  t.match(lines(output), [/^Editors = /, /^Renamed =$/]);
  t.match(await write('--prefix', 'dj '), { code: 1 });
  t.equal(await access('bob@example.com', 'dj Editors'), 'rw', 'a group with a prefix');
  t.match(await write('--prefix', '@'), { code: 2, err: /--prefix: invalid value "@": it begins with/ });
});

t.test('the file', async (t) => {
  const { djauth, prefix } = install(t);
  const { daemon, site } = await createWorld(t, [{ username: 'alice', groups: ['Editors'] }]);
  const folder = join(prefix, 'out');
  mkdirSync(folder);
  const output = join(folder, 'groups');
  const write = (...words: string[]) =>
    run(djauth, ['svn-groups', '--socket', daemon.control, '--output', output, ...words]);
  const status = () => {
    const { ino, mtimeNs, mode, gid } = statSync(output, { bigint: true });
    return { ino, mtimeNs, mode: Number(mode) & 0o7777, gid: Number(gid) };
  };
  await write();
  t.equal(status().mode, 0o640, 'a new file is not readable by everybody');
  chmodSync(output, 0o604);
  execFileSync('chgrp', ['www-data', output]);
  const first = status();
  t.match(await write(), { code: 0, out: 'unchanged: 1 groups, 1 members\n' });
  t.same(status(), first, 'a file that would not change is not touched');
  site.add({ username: 'bob', groups: ['Editors'] });
  t.match(await write('--quiet'), { code: 0, out: '' });
  const second = status();
  t.not(second.ino, first.ino, 'the file is replaced as a whole');
  t.same([second.mode, second.gid], [first.mode, first.gid], 'with the same mode and group');
  t.same(readdirSync(folder), ['groups'], 'no temporary file is left');
  const link = join(prefix, 'link');
  symlinkSync(output, link);
  site.add({ username: 'carol', groups: ['Editors'] });
  t.match(await write('--output', link), { code: 0 });
  t.same(lines(output), ['Editors = alice, bob, carol'], 'the target of a symbolic link is replaced');

  const kept = readFileSync(output, 'utf8');
  t.match(await write('--output', prefix), { code: 4, err: /is not a regular file/ });
  t.match(await write('--output', join(prefix, 'no/such')), { code: 4, err: /cannot create a temporary file next to/ });
  t.match(await write('--site', 'elsewhere'), { code: 4, err: /site "elsewhere" is not configured/ });
  t.match(await run(djauth, ['svn-groups', '--socket', daemon.socket, '--output', output]), {
    code: 4,
    err: /belongs to the control socket/,
  });
  t.match(await run(djauth, ['svn-groups']), { code: 2, err: /missing --output FILE/ });
  t.match(await run(djauth, ['authorize', '--output', 'x', 'alice']), {
    code: 2,
    err: /--output is an option of svn-groups only/,
  });
  t.match(await write('--staff'), { code: 2, err: /accepted options are --output/ });
  t.match(await run(djauth, ['svn-groups', '--output', output], { env: { DJAUTH_CONTROL_SOCKET: daemon.control } }), {
    code: 0,
  });
  site.database.exec('ALTER TABLE auth_group RENAME TO elsewhere');
  t.match(await write(), { code: 4, err: /djauth: error: .*auth_group/ });
  site.database.exec('ALTER TABLE elsewhere RENAME TO auth_group');
  const control = await connect(daemon.control);
  const { groups } = await allGroups(control);
  t.same(groups, { Editors: ['alice', 'bob', 'carol'] });
  control.close();
  await daemon.stop();
  t.match(await write(), { code: 4, err: /cannot connect/ });
  t.equal(readFileSync(output, 'utf8'), kept, 'every fault keeps the old file');
});

/** A control socket that answers each request for groups with what `answer` returns. */
async function lister(
  t: Test,
  answer: (asked: number, after: string | undefined) => [status: 0 | 3 | 4, content: object],
) {
  const path = join(publicDirectory(), 'control.sock');
  let asked = 0;
  const server = net.createServer((socket) => {
    const reader = new FrameReader();
    socket.on('error', () => {});
    socket.on('data', (chunk) =>
      reader.push(chunk, (body) => {
        const request = decodeRequest(body);
        if (request.operation !== 'groups') throw new Error(request.operation);
        const [status, content] = answer(++asked, request.after);
        socket.write(encodeReply(request.id, { status, content } as Parameters<typeof encodeReply>[1]));
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => server.close());
  return path;
}

t.test('several pages are written when two readings are the same', async (t) => {
  const { djauth, prefix } = install(t);
  const output = join(prefix, 'groups');
  const write = (socket: string) => run(djauth, ['svn-groups', '--socket', socket, '--output', output]);
  const two = await lister(t, (asked, after) =>
    after === undefined
      ? [0, { groups: [['g', ['b', asked < 3 ? 'early' : 'late']]], next: 'x' }]
      : [
          0,
          {
            groups: [
              ['g', ['a']],
              ['h', []],
            ],
          },
        ],
  );
  t.match(await write(two), { code: 0, out: 'written: 2 groups, 3 members\n' });
  t.same(lines(output), ['g = a, b, late', 'h ='], 'the list that was read twice');
  const never = await lister(t, (asked, after) => [
    0,
    { groups: [['g', [`m${asked}`]]], ...(after === undefined && { next: 'x' }) },
  ]);
  t.match(await write(never), { code: 3, err: /changed during each of 5 readings/ });
  t.match(await write(await lister(t, () => [0, { groups: [], next: 'x' }])), {
    code: 4,
    err: /repeats the same page/,
  });
  t.match(await write(await lister(t, () => [3, { retry_after: 1, reason: 'queue-full' }])), {
    code: 3,
    err: /queue-full/,
  });
  t.match(
    await write(
      await lister(t, (asked) => (asked === 1 ? [0, { groups: [['g', ['b']]], next: 'x' }] : [4, { reason: 'gone' }])),
    ),
    { code: 4, err: /gone/ },
  );
  t.same(lines(output), ['g = a, b, late', 'h ='], 'an incomplete list changes nothing');
  const twins = await lister(t, () => [
    0,
    {
      groups: [
        ['g', ['b', 'a']],
        ['h', ['c']],
        ['g', ['c', 'a']],
      ],
    },
  ]);
  t.match(await write(twins), { code: 0 });
  t.same(lines(output), ['g = a, b, c', 'h = c'], 'two groups of one name become one');
});

t.test('path rules over http, with mod_dav_svn and mod_authz_svn', async (t) => {
  const { djauth, prefix, hook } = install(t);
  const people: Person[] = [
    { username: 'alice', password, groups: ['Editors'], permissions: ['svn.commit'] },
    { username: 'bob', password, groups: ['Readers'] },
    { username: 'mallory', password },
  ];
  const world = await createWorld(t, people, {
    daemon: { directory: publicDirectory(), listen: 'group = "www-data"' },
  });
  const repository = join(prefix, 'repository');
  execFileSync('svnadmin', ['create', repository]);
  await run('svnmucc', ['-m', 'x', '-U', `file://${repository}`, 'mkdir', 'trunk', 'mkdir', 'secret']);
  for (const name of ['start-commit', 'pre-commit']) symlinkSync(hook(`svn/${name}`), join(repository, 'hooks', name));
  writeFileSync(join(repository, 'conf/djauth-rules'), `commit svn.commit /\nsocket ${world.daemon.socket}\n`);
  execFileSync('chown', ['-R', 'www-data:', repository]);
  const output = join(prefix, 'groups');
  const authz = join(prefix, 'authz');
  writeFileSync(authz, '[/]\n@Editors = rw\n@Readers = rw\n[/secret]\n@Readers =\n');
  const write = () => run(djauth, ['svn-groups', '--socket', world.daemon.control, '--output', output]);
  await write();
  execFileSync('chgrp', ['www-data', output]);
  const apache = await startApache(
    svnAt(world.daemon.socket, repository, `AuthzSVNAccessFile "${authz}"\nAuthzSVNGroupsFile "${output}"`),
    { load: ['dav', 'dav_svn', 'authz_svn'] },
  );
  t.teardown(() => apache.stop());
  const url = `${apache.url}/svn`;
  const svn = (user: string, ...words: string[]) =>
    run('svn', [
      '--non-interactive',
      '--no-auth-cache',
      '--config-dir',
      join(prefix, 'config'),
      '--username',
      user,
      '--password',
      password,
      ...words,
    ]);

  t.equal((await svn('alice', 'ls', `${url}/secret`)).code, 0);
  t.equal((await svn('bob', 'ls', `${url}/trunk`)).code, 0);
  t.match(await svn('bob', 'ls', `${url}/secret`), { code: 1, err: /forbidden/i }, 'a rule for a path denies');
  t.match(await svn('mallory', 'ls', url), { code: 1, err: /forbidden/i }, 'a user in no group is denied');

  t.match(await svn('alice', 'mkdir', '-m', 'x', `${url}/trunk/a`), { code: 0, err: '' }, 'the hooks grant a commit');
  t.match(
    await svn('bob', 'mkdir', '-m', 'x', `${url}/trunk/b`),
    { code: 1, err: /bob may not commit here\./ },
    'mod_dav_svn shows the message of a hook',
  );
  t.equal((await run('svnlook', ['author', repository])).out, 'alice\n');

  world.site.update('bob', { groups: ['Editors'] });
  world.site.update('alice', { groups: [] });
  t.match(await write(), { code: 0, out: /^written/ });
  t.equal((await svn('bob', 'ls', `${url}/secret`)).code, 0, 'a change in Django counts after the next run');
  t.match(await svn('alice', 'ls', `${url}/trunk`), { code: 1, err: /forbidden/i });
});
