import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { connect } from '../fixtures/client.ts';
import { type RunningDaemon, startDaemon } from '../fixtures/daemon.ts';
import { LeasingClient } from '../fixtures/leasing-client.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { createSite, createSiteOnPostgres } from '../fixtures/site.ts';

// A live daemon, clients that use leases, commits all the time, and everything that can stop meanwhile. Each grant says by
// the account's e-mail address which row it is based on, and the test knows when that row was superseded.

t.setTimeout(900_000);

const SECONDS = Number(process.env.DJAUTH_FRESHNESS_SECONDS ?? 15);
/** Longer than anything that the test waits for, so that what is noticed too late is seen. */
const TTL_MS = 2_000;
/** Where commits are noticed, for a daemon that was not stopped; a busy machine is no failure. */
const NOTICED_MS = 600;
const USERS = ['alice', 'bob'];

interface Database {
  readonly url: string;
  /** Whether commits are noticed before an account is too old. */
  readonly notices: boolean;
  commit(user: string, change: { email: string; isActive?: boolean; password?: string }): Promise<unknown>;
  /** Nobody gets an answer for so long. */
  stall(ms: number): Promise<void>;
}

const databases: Record<string, (t: Test) => Promise<Database>> = {
  async SQLite(t) {
    return sqlite(t, false);
  },
  async 'SQLite, WAL'(t) {
    return sqlite(t, true);
  },
  async PostgreSQL(t) {
    const postgres = await startPostgres();
    t.teardown(() => postgres.stop());
    const url = await postgres.createDatabase('site');
    const site = await createSiteOnPostgres(url, people());
    t.teardown(() => site.close());
    return {
      url,
      notices: false,
      commit: (user, change) => site.update(user, change),
      async stall(ms) {
        const pid = readFileSync(join(postgres.socketDirectory, 'data/postmaster.pid'), 'utf8').split('\n')[0] ?? '';
        const children = execFileSync('pgrep', ['-P', pid], { encoding: 'utf8' });
        const processes = [pid, ...children.trim().split('\n')].map(Number);
        for (const each of processes) process.kill(each, 'SIGSTOP');
        await sleep(ms);
        for (const each of processes) {
          try {
            process.kill(each, 'SIGCONT');
          } catch {
            // it has ended
          }
        }
      },
    };
  },
};

const people = () => USERS.map((username) => ({ username, password: 'secret', email: '0' }));

async function sqlite(t: Test, wal: boolean): Promise<Database> {
  const site = createSite(join(t.testdir(), 'site.sqlite3'), people(), { wal });
  t.teardown(() => site.close());
  return {
    url: site.url,
    notices: true,
    commit: async (user, change) => site.update(user, change),
    async stall(ms) {
      site.database.exec('begin exclusive');
      await sleep(ms);
      site.database.exec('rollback');
    },
  };
}

for (const [name, make] of Object.entries(databases)) {
  t.test(name, async (t) => {
    const database = await make(t);
    const directory = mkdtempSync(join(tmpdir(), 'djauthd-fresh-'));
    t.teardown(() => rmSync(directory, { recursive: true, force: true }));
    const options = {
      directory,
      config: `[sites.site]\ndatabase = "${database.url}"\ntimeout = "1s"\n[cache]\naccount_ttl = "${TTL_MS}ms"\nlease = "1m"\n[hash]\ndenial_grid = 0\n`,
    };
    let daemon: RunningDaemon = await startDaemon(options);
    t.teardown(() => daemon.stop());

    /** When each row was superseded at the latest, by user and e-mail address, and whether it grants. */
    const rows = new Map<string, { active: boolean; until: number }>(
      USERS.map((user) => [`${user} 0`, { active: true, until: Number.POSITIVE_INFINITY }]),
    );
    /** Since when everything runs; Infinity while something does not. */
    let runningSince = performance.now();
    const wrong: string[] = [];
    const counts = { asked: 0, leased: 0, commits: 0, others: 0 };
    let noticedMs = 0;

    const over = performance.now() + SECONDS * 1_000;
    const clients = Array.from({ length: 4 }, () => new LeasingClient(join(directory, 'auth.sock')));
    const asking = clients.map(async (client, number) => {
      while (performance.now() < over) {
        const user = USERS[number % 2] as string;
        const grant = await client.check(user, 'secret').catch(() => undefined);
        const now = performance.now();
        if (grant === undefined) counts.others++;
        else {
          counts[grant.leased ? 'leased' : 'asked']++;
          const row = rows.get(`${user} ${grant.email}`);
          const age = row === undefined ? Number.NaN : grant.since - row.until;
          const what = `${user} ${grant.email}, ${grant.leased ? 'leased' : 'asked'}`;
          if (row === undefined) wrong.push(`${what}: a row that was never there`);
          else if (!row.active) wrong.push(`${what}: an inactive account`);
          else if (age >= TTL_MS) wrong.push(`${what}: ${age.toFixed(0)} ms after its end`);
          const ranMs = grant.since - Math.max(row?.until ?? 0, runningSince);
          if (database.notices && ranMs > 0) noticedMs = Math.max(noticedMs, ranMs);
          if (database.notices && ranMs > NOTICED_MS)
            wrong.push(`${what}: a commit was noticeable for ${ranMs.toFixed(0)} ms`);
        }
        await sleep(grant?.leased ? 1 : Math.max(0, 5 - (performance.now() - now)));
      }
      client.close();
    });

    const random = (below: number) => Math.floor(Math.random() * below);
    const stopped = async (act: () => Promise<unknown>) => {
      runningSince = Number.POSITIVE_INFINITY;
      await act();
      runningSince = performance.now();
    };
    let email = 0;
    while (performance.now() < over) {
      const dice = random(40);
      if (dice === 0) {
        await stopped(async () => {
          daemon.signal('SIGKILL');
          await daemon.exited;
          await sleep(random(500));
          daemon = await startDaemon(options);
        });
      } else if (dice === 1) {
        await stopped(async () => {
          await daemon.stop();
          daemon = await startDaemon(options);
        });
      } else if (dice === 2) {
        await stopped(async () => {
          daemon.signal('SIGSTOP');
          await sleep(random(1_500));
          daemon.signal('SIGCONT');
        });
      } else if (dice === 3) {
        await stopped(() => database.stall(random(1_500)));
      } else if (dice === 4) {
        daemon.signal('SIGHUP');
      } else if (dice === 5) {
        const control = await connect(daemon.control);
        await control.ask('flush').catch(() => {});
        control.close();
      } else {
        const user = USERS[random(2)] as string;
        const before = rows.get(
          `${user} ${[...rows.keys()].findLast((key) => key.startsWith(`${user} `))?.split(' ')[1]}`,
        );
        const isActive = random(4) > 0;
        const number = String(++email);
        rows.set(`${user} ${number}`, { active: isActive, until: Number.POSITIVE_INFINITY });
        await database.commit(user, { email: number, isActive, ...(random(5) === 0 ? { password: 'secret' } : {}) });
        if (before !== undefined) before.until = performance.now();
        counts.commits++;
      }
      await sleep(random(150));
    }
    await Promise.all(asking);
    t.same([...new Set(wrong)].slice(0, 10), [], `${wrong.length} wrong`);
    t.ok(counts.asked > 10 && counts.leased > 100 && counts.commits > 20, JSON.stringify(counts));
    if (database.notices) t.comment(`a commit was noticed ${noticedMs.toFixed(1)} ms later at worst`);
    await daemon.stop();
  });
}
