import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Apache, MODULE, startApache } from '../../fixtures/apache.ts';
import { openDatabase } from '../../fixtures/sqlite.ts';
import type { Case, Measurement } from '../case.ts';
import { using } from '../cpu.ts';
import { startFcgi } from '../fcgi.ts';
import type { KeyName } from '../keys.ts';
import { ITERATIONS, PASSWORD, SITE } from '../people.ts';
import { basic, request } from '../requests.ts';
import { interleave, median, ratio } from '../rounds.ts';
import type { Served } from '../serve.ts';
import type { Stage } from '../stage.ts';
import { authDbd, authDjango, authFile, authWsgi, basicBy, QUIET, SERVER } from './apache-config.ts';

const CONNECTIONS = 8;
const USER = 'user1';
const PAGE = `${'<p>A page of about one thousand octets.</p>\n'.repeat(25)}`;

/** One kind of protection, by its path, and the keys that compare djauthd's rate with its own. */
interface Kind {
  readonly keys: readonly KeyName[];
  /** What stands in the table. */
  readonly what: string;
  /** The number of requests where each takes long: a fixed time would cut off the last ones. */
  readonly count?: number;
  /** The server that serves it. */
  readonly server: (stage: Stage, socket: string) => Promise<Apache>;
}

/** A page of the same octets behind each kind of protection. */
const KINDS = {
  open: {
    keys: ['apache_cached_vs_open', 'apache_nolease_vs_open', 'apache_cpu_us_per_check'],
    what: 'unprotected',
    server: plainServer,
  },
  nolease: { keys: ['apache_nolease_vs_open'], what: 'djauthd, no leases', server: noLeaseServer },
  dbd: { keys: ['apache_cached_vs_dbd_socache'], what: 'mod_authn_dbd + socache', server: plainServer },
  bcrypt: {
    keys: ['apache_cached_vs_htpasswd_bcrypt'],
    what: 'mod_authn_file, bcrypt',
    count: 64,
    server: plainServer,
  },
  wsgi: { keys: ['apache_cached_vs_modwsgi'], what: 'mod_wsgi + Django', count: 24, server: wsgiServer },
  fcgi: { keys: ['apache_cached_vs_fcgi'], what: 'mod_authnz_fcgi + Django', count: 24, server: fcgiServer },
  django: {
    keys: [
      ...(['apache_cached_vs_open', 'apache_cpu_us_per_check', 'apache_cached_vs_dbd_socache'] as const),
      ...(['apache_cached_vs_htpasswd_bcrypt', 'apache_cached_vs_modwsgi', 'apache_cached_vs_fcgi'] as const),
    ],
    what: 'djauthd',
    server: plainServer,
  },
} satisfies Record<string, Kind>;

type Name = keyof typeof KINDS;
const NAMES = Object.keys(KINDS) as Name[];

/** Whether the module under test gives leases: without, it is as if they were switched off. */
const leases = () => readFileSync(MODULE).includes('DjangoAuthLeases');

interface Round {
  readonly rate: number;
  /** Processor time of a request, httpd's and the daemon's, in µs. */
  readonly us: number;
}

export const apache: Case = {
  name: 'apache',
  keys: [
    ...(['apache_cached_vs_open', 'apache_nolease_vs_open', 'apache_cpu_us_per_check'] as const),
    ...(['apache_cached_vs_dbd_socache', 'apache_cached_vs_htpasswd_bcrypt'] as const),
    ...(['apache_cached_vs_modwsgi', 'apache_cached_vs_fcgi'] as const),
  ],
  async run(stage) {
    await stage.hotFrames();
    const daemon = await stage.main();
    const names = NAMES.filter((name) => stage.wants(...KINDS[name].keys));
    const servers = await startServers(stage, names, daemon.socket);
    const measure = (name: Name, seconds: number) => roundOf(stage, servers[name] as Apache, daemon, name, seconds);
    for (const name of names) {
      stage.progress(`/${name}/`);
      await expectProtected(servers[name] as Apache, name);
      await measure(name, 1);
    }
    const sides = Object.fromEntries(names.map((name) => [name, () => measure(name, stage.choose(2, 1))]));
    const rounds: Partial<Record<Name, Round[]>> = await interleave<Name, Round>(
      stage,
      stage.choose(5, 2),
      sides as Record<Name, () => Promise<Round>>,
    );
    return {
      measurements: measurementsOf(rounds),
      notes: {
        apache_us_per_request: Object.fromEntries(
          names.map((name) => [name, median((rounds[name] ?? []).map(({ us }) => us))]),
        ),
        apache_leases: leases(),
      },
    };
  },
};

function measurementsOf(rounds: Partial<Record<Name, Round[]>>): Measurement[] {
  const side = (name: Name, figure: keyof Round = 'rate') =>
    [KINDS[name].what, (rounds[name] ?? []).map((round) => round[figure])] as const;
  const measurements: Measurement[] = [];
  const compare = (key: KeyName, ours: Name, other: Name) => {
    if (rounds[ours] && rounds[other]) measurements.push(ratio(key, 'requests/s', side(ours), side(other)));
  };
  compare('apache_cached_vs_open', 'django', 'open');
  compare('apache_nolease_vs_open', 'nolease', 'open');
  compare('apache_cached_vs_dbd_socache', 'django', 'dbd');
  compare('apache_cached_vs_htpasswd_bcrypt', 'django', 'bcrypt');
  compare('apache_cached_vs_modwsgi', 'django', 'wsgi');
  compare('apache_cached_vs_fcgi', 'django', 'fcgi');
  if (rounds.django && rounds.open) {
    const [ours, open] = [side('django', 'us')[1], side('open', 'us')[1]];
    const added = median(ours) - median(open);
    measurements.push({
      key: 'apache_cpu_us_per_check',
      value: (100 * added) / median(open),
      ours: { what: 'added', value: added, unit: 'µs' },
      other: { what: "the open page's request", value: median(open), unit: 'µs' },
      rounds: ours.map((us, at) => 100 * (us / (open[at] as number) - 1)),
    });
  }
  return measurements;
}

/** Kinds with the same function share a server. */
async function startServers(stage: Stage, names: Name[], socket: string): Promise<Partial<Record<Name, Apache>>> {
  const started = new Map<Kind['server'], Apache>();
  const servers: Partial<Record<Name, Apache>> = {};
  for (const name of names) {
    const { server } = KINDS[name];
    const apache = started.get(server) ?? (await server(stage, socket));
    started.set(server, apache);
    servers[name] = apache;
  }
  return servers;
}

async function plainServer(stage: Stage, socket: string): Promise<Apache> {
  const passwords = join(stage.directory, 'htpasswd');
  writeFileSync(passwords, htpasswd('-nbBC', '10'));
  const database = join(stage.directory, 'authn.sqlite3');
  const sqlite = openDatabase(database);
  sqlite.exec('CREATE TABLE authn (username TEXT PRIMARY KEY, password TEXT NOT NULL)');
  sqlite.prepare('INSERT INTO authn VALUES (?, ?)').run(...htpasswd('-nbm').split(':'));
  sqlite.close();
  const config = `${QUIET}
DjangoAuthSocket "${socket}"
DBDriver sqlite3
DBDParams "${database}"
AuthnCacheEnable
AuthnCacheSOCache shmcb
${location('django', authDjango(SITE))}
${location('bcrypt', authFile(passwords))}
${location('dbd', authDbd())}`;
  return server(stage, config, ['socache_shmcb', 'dbd', 'authn_socache', 'authn_dbd']);
}

async function noLeaseServer(stage: Stage, socket: string): Promise<Apache> {
  const config = `${QUIET}
DjangoAuthSocket "${socket}"
${leases() ? 'DjangoAuthLeases 0' : ''}
${location('nolease', authDjango(SITE))}`;
  return server(stage, config, []);
}

/** In a server of its own, because mod_wsgi loads Python into every child. */
async function wsgiServer(stage: Stage): Promise<Apache> {
  await stage.database();
  const script = join(stage.directory, 'auth.wsgi.py');
  const source = readFileSync(join(import.meta.dirname, '../python/auth.wsgi.py'), 'utf8');
  const { socketDirectory } = await stage.postgres();
  writeFileSync(script, source.replaceAll('BENCH_DATABASE', 'site').replaceAll('BENCH_HOST', socketDirectory));
  return server(stage, `${QUIET}\n${location('wsgi', authWsgi(script))}`, ['wsgi']);
}

async function fcgiServer(stage: Stage): Promise<Apache> {
  await stage.database();
  const { socketDirectory, user } = await stage.postgres();
  const database = { ENGINE: 'django.db.backends.postgresql', NAME: 'site', HOST: socketDirectory, USER: user };
  const port = await startFcgi(stage, database, ITERATIONS);
  const config = `${QUIET}
AuthnzFcgiDefineProvider authn application fcgi://127.0.0.1:${port}/
${location('fcgi', basicBy('application'))}`;
  return server(stage, config, ['authnz_fcgi']);
}

async function server(stage: Stage, config: string, load: string[]): Promise<Apache> {
  const files = Object.fromEntries(NAMES.map((name) => [`${name}/page.html`, PAGE]));
  const started = await startApache(config, { ...SERVER, load, files });
  stage.atEnd(() => started.stop());
  return started;
}

function location(name: Name, auth: string): string {
  return `<Location "/${name}/">\n${auth}\n</Location>`;
}

/** `user:hash` as htpasswd writes it. */
function htpasswd(...options: string[]): string {
  return execFileSync('htpasswd', [...options, USER, PASSWORD], { encoding: 'utf8', stdio: 'pipe' }).trim();
}

/** Checks the setup: the right password gets the page and, unless the page is open, a wrong one does not. */
async function expectProtected(server: Apache, name: Name): Promise<void> {
  const get = async (password: string) => (await server.get(`/${name}/page.html`, { user: USER, password })).status;
  const [right, wrong] = [await get(PASSWORD), await get('wrong')];
  if (right !== 200 || wrong !== (name === 'open' ? 200 : 401)) {
    throw new Error(
      `/${name}/ answers ${right} and, to a wrong password, ${wrong}:\n${server.errorLog().slice(-2_000)}`,
    );
  }
}

async function roundOf(stage: Stage, server: Apache, daemon: Served, name: Name, seconds: number): Promise<Round> {
  const kind: Kind = KINDS[name];
  const [{ count, perSecond }, { us }] = await using(stage, [...server.children(), daemon.pid], () =>
    request({
      server,
      path: `/${name}/page.html`,
      connections: CONNECTIONS,
      seconds,
      ...(name === 'open' ? {} : { authorization: basic(USER, PASSWORD) }),
      ...(kind.count === undefined ? {} : { count: kind.count }),
    }),
  );
  return { rate: perSecond, us: us / count };
}
