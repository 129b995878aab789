import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../fixtures/hooks.ts';
import { serve } from '../fixtures/sample.ts';
import type { Person } from '../fixtures/site.ts';

const password = 'secret';
const USERS: Person[] = [
  { username: 'writer', password, permissions: ['files.change_file'] },
  { username: 'reader', password },
];
const DAV = ['dav', 'dav_fs', 'dav_lock'];

function prepare(srv: string): void {
  for (const name of ['dav', 'dav-locks', 'dav/litmus']) mkdirSync(join(srv, name));
  writeFileSync(join(srv, 'dav/here.txt'), 'here\n');
}

/** The results of litmus, without what differs between runs. */
function results(out: string): string[] {
  return out
    .split('\n')
    .map((line) => line.replace(/^.*\r/, ''))
    .filter((line) => /^\s*\d+\. |^<- summary|pass|FAIL/.test(line))
    .map((line) => line.replace(/\(.*?\)|in \d+.*$/g, '').trimEnd());
}

t.test('litmus has the same results with and without authentication', async (t) => {
  const { apache } = await serve(t, 'webdav.conf', USERS, prepare, {
    load: DAV,
    more: '<Location "/dav/litmus/open">\nAuthType None\n<Limit GET OPTIONS PROPFIND>\nRequire all granted\n</Limit>\n<LimitExcept GET OPTIONS PROPFIND>\nRequire all granted\n</LimitExcept>\n</Location>',
  });
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-l-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const litmus = (path: string, ...words: string[]) =>
    run('litmus', [`${apache.url}${path}`, ...words], { cwd: directory });
  const closed = await litmus('/dav/litmus/', 'writer', password);
  t.equal(closed.code, 0, closed.out + closed.err);
  for (const suite of ['basic', 'copymove', 'props', 'locks', 'http']) {
    t.match(closed.out, new RegExp(`<- summary for .${suite}.*100\\.0%`), suite);
  }
  await apache.get('/dav/litmus/open', { method: 'MKCOL', user: 'writer', password });
  const open = await litmus('/dav/litmus/open/');
  t.equal(open.code, 0, open.out + open.err);
  t.same(results(closed.out), results(open.out));
  const reader = await litmus('/dav/litmus/', 'reader', password);
  t.not(reader.code, 0, 'a user who may only read fails');
});

t.test('cadaver', async (t) => {
  const { apache, srv, world } = await serve(t, 'webdav.conf', USERS, prepare, { load: DAV });
  const home = mkdtempSync(join(tmpdir(), 'djauthd-c-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  writeFileSync(join(home, 'mine.txt'), 'mine\n');
  const cadaver = async (user: string, word: string, ...commands: string[]) => {
    writeFileSync(join(home, '.netrc'), `machine 127.0.0.1 login ${user} password ${word}\n`, { mode: 0o600 });
    const input = `${commands.join('\n')}\nquit\n`;
    const { out, err } = await run('cadaver', [`${apache.url}/dav/`], { cwd: home, env: { HOME: home }, input });
    return out + err;
  };
  t.match(await cadaver('reader', password, 'ls'), /here\.txt/);
  await cadaver('reader', password, 'get here.txt');
  t.equal(readFileSync(join(home, 'here.txt'), 'utf8'), 'here\n');
  t.match(await cadaver('reader', password, 'put mine.txt'), /Uploading.*(fail|401|Could not)/is);
  t.equal((await apache.get('/dav/mine.txt', { user: 'writer', password })).status, 404);
  t.match(await cadaver('writer', password, 'put mine.txt', 'lock mine.txt', 'discover mine.txt'), /succeeded/);
  t.equal(readFileSync(join(srv, 'dav/mine.txt'), 'utf8'), 'mine\n');
  const locked = await apache.get('/dav/mine.txt', { method: 'DELETE', user: 'writer', password });
  t.equal(locked.status, 423, 'a lock is respected');
  t.match(
    await cadaver('writer', password, 'steal mine.txt', 'unlock mine.txt', 'rm mine.txt'),
    /Deleting.*succeeded/s,
  );
  t.equal((await apache.get('/dav/mine.txt', { user: 'reader', password })).status, 404);
  const refused = await cadaver('reader', 'wrong', 'ls');
  t.notMatch(refused, /here\.txt/);
  t.match(refused, /Authentication required|Could not authenticate/);
  await world.daemon.stop();
  t.match(await cadaver('reader', password, 'ls'), /503 Service Unavailable/, 'a fault is not a wrong password');
});
