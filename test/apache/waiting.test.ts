import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { type Apache, type ApacheOptions, configtest, type Response, startApache } from '../fixtures/apache.ts';
import { waitFor } from '../fixtures/daemon.ts';
import { denied, type FakeDaemon, fakeDaemon, GRANTED } from '../fixtures/fake-daemon.ts';
import { MPM, MPMS } from '../fixtures/httpd.ts';

/** Eight workers in all. */
const processes = (mpm: string): string =>
  mpm === 'prefork'
    ? 'StartServers 8\nMinSpareServers 8\nMaxRequestWorkers 8'
    : 'ServerLimit 2\nStartServers 2\nThreadsPerChild 4\nMinSpareThreads 8\nMaxRequestWorkers 8';

interface World {
  daemon: FakeDaemon;
  apache: Apache;
  /** Sends a question that the daemon does not answer; the statuses of those that have ended are in `ended`. */
  slow(path?: string): Promise<Response>;
  ended: Response[];
  /** Threads that wait, and how many may, as mod_status says. */
  waiting(): Promise<[now: number, limit: number]>;
}

async function world(t: Test, lines: string, options: ApacheOptions = {}): Promise<World> {
  const daemon = await fakeDaemon(({ user }) => (user === 'slow' ? 'silence' : user === 'fast' ? GRANTED : denied()));
  const apache = await startApache(
    `DjangoAuthSocket ${daemon.socket}
    ${lines}
    <Location "/private">
      AuthType Basic
      AuthName x
      AuthBasicProvider django
      Require valid-user
    </Location>
    <Location "/old">
      AuthType Basic
      AuthName x
      PythonAuthenHandler django.contrib.auth.handlers.modpython
      Require valid-user
    </Location>
    <Location "/server-status">
      SetHandler server-status
    </Location>`,
    {
      processes: processes(options.mpm ?? MPM),
      logLevel: 'warn',
      files: { 'private/index.html': 'inside', 'old/index.html': 'inside' },
      ...options,
    },
  );
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  const ended: Response[] = [];
  return {
    ...{ daemon, apache, ended },
    async slow(path = '/private/') {
      const answer = await apache.get(path, { user: 'slow', password: 'x' });
      ended.push(answer);
      return answer;
    },
    async waiting() {
      const { body } = await apache.get('/server-status?auto');
      const figure = (name: string) => Number(new RegExp(`^Djauthd${name}: (\\d+)$`, 'm').exec(body)?.[1] ?? -1);
      return [figure('ApacheWaiting'), figure('ApacheMaxWaiting')];
    },
  };
}

for (const mpm of MPMS) {
  t.test(`a slow daemon takes no more workers than DjangoAuthMaxWaiting: ${mpm}`, async (t) => {
    const { daemon, apache, slow, ended, waiting } = await world(t, 'DjangoAuthMaxWaiting 3\nDjangoAuthTimeout 30s', {
      mpm,
    });
    t.same(await waiting(), [0, 3]);
    const all = [1, 2, 3, 4, 5, 6].map((i) => slow(i % 2 ? '/private/' : '/old/'));
    await waitFor(() => ended.length >= 3);
    t.same(
      ended.map(({ status, headers }) => [status, headers['retry-after']]),
      [
        [503, '1'],
        [503, '1'],
        [503, '1'],
      ],
    );
    t.equal(daemon.asked.length, 6, 'all were asked: a short question needs no place');
    t.same(await waiting(), [3, 3]);
    for (const path of ['/private/', '/old/']) {
      t.equal((await apache.get(path, { user: 'fast', password: 'x' })).status, 200, 'what the daemon remembers');
      t.equal((await apache.get(path, { user: 'other', password: 'x' })).status, 401);
      t.equal((await slow(path)).status, 503, 'no place');
    }
    t.equal((await apache.get('/')).body, 'hello', 'an open page');
    t.equal(ended.length, 5, 'three are still waiting');
    t.match(
      apache.errorLog(),
      /authentication failed: djauthd is busy: max-waiting: client 127\.0\.0\.1, site \(default\)/,
    );

    // The daemon ends: those that waited end as well, and give back their places.
    await daemon.stop();
    await Promise.all(all);
    t.same(new Set(ended.map(({ status }) => status)), new Set([503]));
    t.same(await waiting(), [0, 3]);
    await daemon.start();

    // Children that are killed give theirs back.
    const killed = [slow(), slow(), slow()].map((one) => one.catch(() => undefined));
    await waitFor(async () => (await waiting())[0] === 3);
    for (const child of apache.children()) process.kill(child, 'SIGKILL');
    await Promise.all(killed);
    await waitFor(async () => (await waiting().catch(() => [-1, 0]))[0] === 0);

    // A graceful restart has places of its own, and its old children finish.
    const old = [slow(), slow(), slow()];
    await waitFor(async () => (await waiting())[0] === 3);
    await apache.graceful();
    await waitFor(async () => (await waiting().catch(() => [-1, 0]))[0] === 0);
    t.equal((await apache.get('/private/', { user: 'fast', password: 'x' })).status, 200);
    await daemon.stop();
    for (const { status } of await Promise.all(old)) t.equal(status, 503);
  });
}

t.test(
  'where the places are gone, nothing is refused, and the log says so once',
  { skip: !MPMS.includes('prefork') },
  async (t) => {
    const { daemon, apache, slow, ended } = await world(t, 'DjangoAuthMaxWaiting 1234', {
      mpm: 'prefork',
      processes: 'StartServers 1\nMinSpareServers 1\nMaxSpareServers 1\nMaxRequestWorkers 1',
    });
    const semaphores = (): string[] =>
      readFileSync('/proc/sysvipc/sem', 'utf8')
        .split('\n')
        .slice(1, -1)
        .map((line) => line.trim().split(/\s+/)[1] as string);
    // Those of other servers come and go.
    const isOurs = (id: string) => / 1234 /.test(spawnSync('ipcs', ['-s', '-i', id], { encoding: 'utf8' }).stdout);
    let ids: string[] = [];
    await waitFor(() => {
      ids = semaphores().filter(isOurs);
      return ids.length === 1;
    });
    execFileSync('ipcrm', ['-s', ids[0] as string]);
    for (const i of [1, 2]) {
      const answer = slow();
      await waitFor(() => daemon.asked.length === i);
      await waitFor(() => /semop failed/.test(apache.errorLog()));
      t.equal(ended.length, i - 1, 'it waits');
      await daemon.stop();
      t.equal((await answer).headers['retry-after'], '5', 'until the daemon has ended');
      await daemon.start();
    }
    t.equal(apache.errorLog().match(/DjangoAuthMaxWaiting: no limit/g)?.length, 1);
  },
);

t.test('without a limit, a slow daemon takes all workers', async (t) => {
  const { daemon, apache, slow } = await world(t, 'DjangoAuthMaxWaiting Off\nDjangoAuthTimeout 30s');
  const all = Array.from({ length: 8 }, () => slow());
  await waitFor(() => daemon.asked.length >= 8);
  let served = false;
  const open = apache.get('/').then(() => {
    served = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  t.notOk(served, 'an open page waits');
  await daemon.stop();
  await Promise.all([...all, open]);
});

t.test('the limit is half of the workers unless it is set', async (t) => {
  for (const [line, limit, mpm = MPM] of [
    ...MPMS.map((mpm) => ['', 4, mpm] as const),
    ['DjangoAuthMaxWaiting 25%', 2],
    ['DjangoAuthMaxWaiting 1%', 1],
    ['DjangoAuthMaxWaiting 100%', 8],
    ['DjangoAuthMaxWaiting 100', 100],
    ['DjangoAuthMaxWaiting 0', -1],
    ['DjangoAuthMaxWaiting off', -1],
  ] as const) {
    await t.test(line || `the default: ${mpm}`, async (t) => {
      const { waiting } = await world(t, line, { mpm });
      t.equal((await waiting())[1], limit);
    });
  }
});

t.test('what DjangoAuthMaxWaiting accepts', async (t) => {
  for (const value of ['-1', 'x', '1.5', '0%', '101%', '50 %', '5x', '32768', '99999999999999999999', '""', '%']) {
    const { code, stderr } = await configtest(`DjangoAuthMaxWaiting ${value}`);
    t.not(code, 0, value);
    if (value !== '50 %' && value !== '""') {
      t.match(
        stderr,
        `DjangoAuthMaxWaiting '${value}': invalid limit; accepted: a number of threads up to 32767 such as 40, a share of all threads such as 50%, or Off`,
      );
    }
  }
  const host = await configtest('<VirtualHost *>\nDjangoAuthMaxWaiting 5\n</VirtualHost>');
  t.not(host.code, 0);
  t.match(host.stderr, /DjangoAuthMaxWaiting (cannot occur within <VirtualHost>|not allowed here)/);
});
