import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Apache, startApache } from '../../fixtures/apache.ts';
import { basicBy, QUIET, SERVER } from '../cases/apache-config.ts';
import { startFcgi } from '../fcgi.ts';
import { PYTHON } from '../machine.ts';
import { SITE } from '../people.ts';
import type { Stage } from '../stage.ts';
import type { Door, Peer } from './peer.ts';
import { GROUP, ITERATIONS, type World } from './world.ts';

/** What a server's configuration is made of. */
interface Blocks {
  /** For the whole server. */
  readonly server: string;
  /** For each of the two locations. */
  readonly location: string;
  readonly providers: string;
  /** The `Require` line of the location for members. */
  readonly member: string;
  readonly load: string[];
}

type MakeBlocks = (stage: Stage, world: World, keeps?: number) => Blocks | Promise<Blocks>;

const SOCACHE_SETTING = '`AuthnCacheTimeout` 300 s, default';

function socache(provider: string, keeps: number | undefined): string {
  return `  AuthnCacheProvideFor ${provider}
  AuthnCacheContext server
${keeps === undefined ? '' : `  AuthnCacheTimeout ${keeps}`}`;
}

const dbdBlocks: MakeBlocks = (_stage, world, keeps) => ({
  server: `DBDriver sqlite3\nDBDParams "${world.path}"\nAuthnCacheEnable\nAuthnCacheSOCache shmcb`,
  location: `${socache('dbd', keeps)}
  AuthDBDUserPWQuery "SELECT password FROM authn WHERE username = %s AND is_active = 1"
  AuthzDBDQuery "SELECT name FROM authn_groups WHERE username = %s"`,
  providers: 'socache dbd',
  member: `dbd-group ${GROUP}`,
  load: ['socache_shmcb', 'dbd', 'authn_socache', 'authn_dbd', 'authz_dbd'],
});

/** mod_authnz_external runs a program; its own cache is mod_authn_socache. */
function externalBlocks(cached: boolean): MakeBlocks {
  return (stage, world, keeps) => {
    const program = join(stage.directory, 'external.py');
    copyFileSync(join(import.meta.dirname, '../python/external.py'), program);
    chmodSync(program, 0o755);
    const run = (what: string) => `pipe "${PYTHON} ${program} ${world.path} ${what}"`;
    return {
      server: `DefineExternalAuth tables ${run('password')}
DefineExternalGroup tables ${run('group')}
${cached ? 'AuthnCacheEnable\nAuthnCacheSOCache shmcb' : ''}`,
      location: `${cached ? `${socache('external', keeps)}\n  AuthExternalProvideCache On` : ''}
  AuthExternal tables
  GroupExternal tables`,
      providers: cached ? 'socache external' : 'external',
      member: `external-group ${GROUP}`,
      load: [...(cached ? ['socache_shmcb', 'authn_socache'] : []), 'authnz_external'],
    };
  };
}

const fcgiBlocks: MakeBlocks = async (stage, world) => {
  const port = await startFcgi(stage, { ENGINE: 'django.db.backends.sqlite3', NAME: world.path }, ITERATIONS);
  return {
    server: `AuthnzFcgiDefineProvider authn application fcgi://127.0.0.1:${port}/
AuthnzFcgiDefineProvider authz member fcgi://127.0.0.1:${port}/`,
    location: '',
    providers: 'application',
    member: 'member',
    load: ['authnz_fcgi'],
  };
};

const djangoBlocks: MakeBlocks = async (stage, world) => {
  const daemon = await stage.serve({ name: 'peers', config: `[sites."${SITE}"]\ndatabase = "${world.url}"` });
  return {
    server: `DjangoAuthSocket "${daemon.socket}"`,
    location: '  DjangoRequireStaffStatus Off',
    providers: 'django',
    member: `django-group ${GROUP}`,
    load: [],
  };
};

function apachePeer(about: Omit<Peer, 'open'>, make: MakeBlocks): Peer {
  return {
    ...about,
    async open(stage, world, keeps) {
      const { server, location, providers, member, load } = await make(stage, world, keeps);
      const block = (path: string, require: string) =>
        `<Location "/${path}/">\n${basicBy(providers, require)}\n${location}\n</Location>`;
      const config = [QUIET, server, block('valid', 'valid-user'), block('member', member)].join('\n');
      const files = { 'valid/index.html': 'a page', 'member/index.html': 'a page' };
      const apache = await startApache(config, { ...SERVER, load, files });
      stage.atEnd(() => apache.stop());
      return doorOf(apache);
    },
  };
}

function doorOf(apache: Apache): Door {
  const get = async (path: string, user: string, password: string) => {
    const { status } = await apache.get(`/${path}/index.html`, { user, password });
    if (status === 200) return true;
    if (status === 401 || status === 403) return false;
    throw new Error(`${path}: status ${status}:\n${apache.errorLog().slice(-2_000)}`);
  };
  return {
    enter: (user, password) => get('valid', user, password),
    enterAsMember: (user, password) => get('member', user, password),
    log: () => apache.errorLog(),
  };
}

export const djauthd = apachePeer({ server: '**djauthd**', setting: 'default settings, SQLite' }, djangoBlocks);

export const dbdSocache = apachePeer(
  { server: 'mod_authn_dbd + mod_authn_socache', setting: SOCACHE_SETTING, keeps: 300 },
  dbdBlocks,
);

export const external = apachePeer(
  { server: 'mod_authnz_external', setting: 'keeps nothing: runs a program for each request' },
  externalBlocks(false),
);

export const externalSocache = apachePeer(
  { server: 'mod_authnz_external + mod_authn_socache', setting: SOCACHE_SETTING, keeps: 300 },
  externalBlocks(true),
);

export const fcgi = apachePeer(
  { server: 'mod_authnz_fcgi + Django', setting: 'keeps nothing: hashes for each request' },
  fcgiBlocks,
);
