import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Apache, startApache } from '../../fixtures/apache.ts';
import { openDatabase } from '../../fixtures/sqlite.ts';
import type { Case } from '../case.ts';
import { PASSWORD, SITE } from '../people.ts';
import { output } from '../processes.ts';
import { interleave, ratio } from '../rounds.ts';
import type { Stage } from '../stage.ts';
import { authDbd, authDjango, authFile, authWsgi, QUIET, SERVER } from './apache-config.ts';

const CONNECTIONS = 8;
const USER = 'user1';
const PAGE = `${'<p>A page of about one thousand octets.</p>\n'.repeat(25)}`;

const PATHS = ['open', 'django', 'bcrypt', 'dbd', 'wsgi'] as const;
type Path = (typeof PATHS)[number];

/** The number of requests where each takes long: a fixed time would cut off the last ones. */
const SLOW: Partial<Record<Path, number>> = { bcrypt: 64, wsgi: 24 };

/** One page behind each kind of protection. mod_wsgi has a server of its own because it loads Python into every child. */
export const apache: Case = {
  name: 'apache',
  keys: [
    'apache_cached_vs_open',
    'apache_cached_vs_modwsgi',
    'apache_cached_vs_htpasswd_bcrypt',
    'apache_cached_vs_dbd_socache',
  ],
  async run(stage) {
    await stage.hotFrames();
    const { socket } = await stage.main();
    const plain = await plainServer(stage, socket);
    const wsgi = await wsgiServer(stage);
    const serverOf = (path: Path) => (path === 'wsgi' ? wsgi : plain);
    for (const path of PATHS) {
      stage.progress(`/${path}/`);
      await expectProtected(serverOf(path), path);
      await requestRate(serverOf(path), path, 1);
    }
    const measure = (path: Path) => () => requestRate(serverOf(path), path, stage.choose(2, 1));
    const figures = await interleave(stage, stage.choose(5, 2), {
      open: measure('open'),
      django: measure('django'),
      bcrypt: measure('bcrypt'),
      dbd: measure('dbd'),
      wsgi: measure('wsgi'),
    });
    const mine = ['djauthd', figures.django] as const;
    return {
      measurements: [
        ratio('apache_cached_vs_open', 'requests/s', mine, ['unprotected', figures.open]),
        ratio('apache_cached_vs_modwsgi', 'requests/s', mine, ['mod_wsgi + Django', figures.wsgi]),
        ratio('apache_cached_vs_htpasswd_bcrypt', 'requests/s', mine, ['mod_authn_file, bcrypt', figures.bcrypt]),
        ratio('apache_cached_vs_dbd_socache', 'requests/s', mine, ['mod_authn_dbd + socache', figures.dbd]),
      ],
    };
  },
};

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

async function wsgiServer(stage: Stage): Promise<Apache> {
  await stage.database();
  const script = join(stage.directory, 'auth.wsgi.py');
  const source = readFileSync(join(import.meta.dirname, '../python/auth.wsgi.py'), 'utf8');
  const { socketDirectory } = await stage.postgres();
  writeFileSync(script, source.replaceAll('BENCH_DATABASE', 'site').replaceAll('BENCH_HOST', socketDirectory));
  return server(stage, `${QUIET}\n${location('wsgi', authWsgi(script))}`, ['wsgi']);
}

async function server(stage: Stage, config: string, load: string[]): Promise<Apache> {
  const files = Object.fromEntries(PATHS.map((path) => [`${path}/page.html`, PAGE]));
  const started = await startApache(config, { ...SERVER, load, files });
  stage.atEnd(() => started.stop());
  return started;
}

function location(path: Path, auth: string): string {
  return `<Location "/${path}/">\n${auth}\n</Location>`;
}

/** `user:hash` as htpasswd writes it. */
function htpasswd(...options: string[]): string {
  return execFileSync('htpasswd', [...options, USER, PASSWORD], { encoding: 'utf8', stdio: 'pipe' }).trim();
}

/** Checks the setup: the right password gets the page and, unless the page is open, a wrong one does not. */
async function expectProtected(server: Apache, path: Path): Promise<void> {
  const get = async (password: string) => (await server.get(`/${path}/page.html`, { user: USER, password })).status;
  const [right, wrong] = [await get(PASSWORD), await get('wrong')];
  if (right !== 200 || wrong !== (path === 'open' ? 200 : 401)) {
    throw new Error(
      `/${path}/ answers ${right} and, to a wrong password, ${wrong}:\n${server.errorLog().slice(-2_000)}`,
    );
  }
}

/** Requests per second, with keep-alive. */
function requestRate(server: Apache, path: Path, seconds: number): Promise<number> {
  const authorization = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
  const common = [
    ...(path === 'open' ? [] : ['-H', `Authorization: Basic ${authorization}`]),
    `${server.url}/${path}/page.html`,
  ];
  const count = SLOW[path];
  return count === undefined
    ? measured('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, ...common], /Requests\/sec:\s+([\d.]+)/)
    : measured(
        'ab',
        ['-q', '-k', `-c${CONNECTIONS}`, `-n${count}`, '-s120', ...common],
        /Requests per second:\s+([\d.]+)/,
      );
}

async function measured(command: string, args: string[], pattern: RegExp): Promise<number> {
  const said = await output(command, args);
  const trouble = /Non-2xx.*|Socket errors.*|Failed requests:\s+[1-9].*/.exec(said);
  if (trouble) throw new Error(`${args.at(-1)}: ${trouble[0]}`);
  const figure = Number(pattern.exec(said)?.[1]);
  if (!(figure > 0)) throw new Error(`${args.at(-1)}: no request was answered:\n${said}`);
  return figure;
}
