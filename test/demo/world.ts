import { appendFileSync, chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Apache, startApache } from '../fixtures/apache.ts';
import { type RunningDaemon, startDaemon } from '../fixtures/daemon.ts';
import { createSite } from '../fixtures/site.ts';

/** The PBKDF2 iterations of Django 6.1. */
export const ITERATIONS = 1_500_000;

/** The password of every user. */
export const PASSWORD = 'correct horse';

/** The users of the demo, and what they demonstrate. */
export const USERS = [
  { username: 'alice', about: 'staff', isStaff: true },
  { username: 'bob', about: 'not staff; may change orders, through the group Editors', groups: ['Editors'] },
  { username: 'carol', about: 'staff, but inactive', isStaff: true, isActive: false },
  { username: 'dave', about: 'superuser and staff', isStaff: true, isSuperuser: true },
];

/** A page, and the lines of its <Location>. */
export const PAGES: readonly { path: string; about: string; config: string }[] = [
  { path: '/staff/', about: 'staff, as by default', config: '' },
  { path: '/members/', about: 'every active account', config: 'DjangoRequireStaffStatus Off' },
  { path: '/root/', about: 'superusers', config: 'DjangoRequireSuperuserStatus On' },
  {
    path: '/orders/',
    about: 'users who may change orders',
    config: 'DjangoRequireStaffStatus Off\n    DjangoPermissionName shop.change_order',
  },
];

/** Blocks from the documentation of Django 1.4. */
export const OLD_PAGES: readonly { path: string; about: string; config: string }[] = [
  {
    path: '/example/',
    about: 'the mod_python configuration',
    config: `<Location "/example/">
    AuthType Basic
    AuthName "example.com"
    Require valid-user

    SetEnv DJANGO_SETTINGS_MODULE mysite.settings
    PythonAuthenHandler django.contrib.auth.handlers.modpython
</Location>`,
  },
  {
    path: '/example2/',
    about: 'the same, its second form',
    config: `<Location "/example2/">
    AuthType Basic
    AuthName "example.com"
    AuthUserFile /dev/null
    AuthBasicAuthoritative Off
    Require valid-user

    SetEnv DJANGO_SETTINGS_MODULE mysite.settings
    PythonAuthenHandler django.contrib.auth.handlers.modpython
    PythonOption DjangoRequireStaffStatus off
</Location>`,
  },
];

export interface World {
  readonly apache: Apache;
  readonly daemon: RunningDaemon;
  /** Contains everything; removed by close(). */
  readonly directory: string;
  /** The file with the daemon's log, in `directory`. */
  readonly log: string;
  close(): Promise<void>;
}

/** A Django database with four users, the daemon, and a private Apache with a few protected pages. */
export async function createWorld(port?: number): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-demo-'));
  // Apache's children run as another user and must be able to open the socket.
  chmodSync(directory, 0o755);
  const site = createSite(
    join(directory, 'db.sqlite3'),
    USERS.map(({ about: _, ...person }) => ({
      ...person,
      password: PASSWORD,
      email: `${person.username}@example.com`,
    })),
    { iterations: ITERATIONS, groups: { Editors: ['shop.change_order'] } },
  );
  site.close();
  // As root, Apache's children run as www-data; otherwise as the current user.
  const listen = process.getuid?.() === 0 ? 'group = "www-data"' : '';
  const daemon = await startDaemon({
    directory,
    listen,
    config: `[sites."mysite.settings"]\ndatabase = "${site.url}"`,
  });
  const log = join(directory, 'djauthd.log');
  writeFileSync(log, daemon.log());
  daemon.process.stderr?.on('data', (text) => appendFileSync(log, text));
  try {
    const apache = await startApache(apacheConfig(daemon.socket), {
      ...(port === undefined ? {} : { port }),
      files: Object.fromEntries([...PAGES, ...OLD_PAGES].map(({ path, about }) => [`${path}index.html`, `${about}\n`])),
      logLevel: 'authnz_django:info',
    });
    return {
      apache,
      daemon,
      directory,
      log,
      async close() {
        await apache.stop();
        await daemon.stop();
        rmSync(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await daemon.stop();
    throw error;
  }
}

export function apacheConfig(socket: string): string {
  const pages = PAGES.map(
    ({ path, config }) => `<Location "${path}">
    AuthType Basic
    AuthName "example.com"
    AuthBasicProvider django
    Require valid-user${config && `\n    ${config}`}
</Location>`,
  );
  // A hash with current iterations may take seconds on a small or loaded machine.
  return [
    `DjangoAuthSocket ${socket}`,
    'DjangoAuthTimeout 60s',
    ...pages,
    '<Location "/django-status">\n    SetHandler django-auth-status\n</Location>',
    ...OLD_PAGES.map(({ config }) => config),
  ].join('\n');
}
