import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { configtest, HTDOCS, startApache } from '../fixtures/apache.ts';
import { type Asked, denied, fakeDaemon, GRANTED } from '../fixtures/fake-daemon.ts';
import { apxs, SERVER } from '../fixtures/httpd.ts';

const HANDLER = 'PythonAuthenHandler django.contrib.auth.handlers.modpython';
const BASIC = 'AuthType Basic\nAuthName "example.com"\nRequire valid-user';

/** Directives that configured Python, in the contexts that mod_python 3.3 allowed. */
const IGNORED_ANYWHERE = [
  `PythonPath "['/srv/sites'] + sys.path"`,
  'PythonInterpreter main',
  'PythonDebug On',
  'PythonAutoReload Off',
  'PythonEnablePdb Off',
  'PythonInterpPerDirectory On',
  'PythonInterpPerDirective On',
];
const IGNORED_IN_SERVERS = ['PythonImport mysite.warm main', 'PythonOptimize On'];
const IGNORED_OPTIONS = ['PythonOption mod_python.mutex_directory "/tmp"', 'PythonOption django.root /mysite'];

const nameOf = (line: string): string => line.split(' ')[0] ?? '';
const numbered = (lines: string[]): string => lines.join('\n');

/** The configuration warnings in a log: directive and line number. */
function warnings(log: string): string[] {
  return [...log.matchAll(/(\w+) on line (\d+) of \S*httpd\.conf: ignored/g)].map(
    ([, name, line]) => `${name} ${line}`,
  );
}

/** The number of the first line of the test's own configuration. */
async function firstLine(): Promise<number> {
  const { stderr } = await configtest('NoSuchDirective');
  return Number(/on line (\d+) of/.exec(stderr)?.[1]);
}

t.test(
  'directives that configured Python are ignored with a warning, in every context of mod_python 3.3',
  async (t) => {
    const first = await firstLine();
    const everywhere = [...IGNORED_ANYWHERE, ...IGNORED_OPTIONS];
    const lines = [
      ...everywhere,
      ...IGNORED_IN_SERVERS,
      '<VirtualHost *>',
      ...everywhere,
      ...IGNORED_IN_SERVERS,
      '<Location "/x">',
      ...everywhere,
      '</Location>',
      '</VirtualHost>',
      '<Directory "/srv">',
      ...everywhere,
      '<Files "*.html">',
      ...everywhere,
      '</Files>',
      '</Directory>',
    ];
    const expected = lines.map((line, i) => `${nameOf(line)} ${first + i}`).filter((line) => line.startsWith('Python'));
    const { code, stderr } = await configtest(numbered(lines));
    t.equal(code, 0, stderr);
    t.same(warnings(stderr).sort(), [...expected].sort(), 'one warning for each line, with its number');
    t.match(stderr, 'ignored: mod_python is not loaded, and mod_authnz_django runs no Python code');

    for (const line of IGNORED_IN_SERVERS) {
      const misplaced = await configtest(`<Location "/">\n${line}\n</Location>`);
      t.match(misplaced.stderr, SERVER.misplaced(nameOf(line)), `${line} in a <Location>`);
    }

    const daemon = await fakeDaemon(() => GRANTED);
    const apache = await startApache(
      `DjangoAuthSocket ${daemon.socket}\n${IGNORED_ANYWHERE[0]}\n<Directory "${HTDOCS}/indexes">\nAllowOverride Indexes\n</Directory>`,
      { files: { 'indexes/index.html': 'inside', 'indexes/.htaccess': IGNORED_ANYWHERE.join('\n') } },
    );
    t.teardown(async () => {
      await apache.stop();
      await daemon.remove();
    });
    t.equal((await apache.get('/indexes/')).body, 'inside', '.htaccess, with any AllowOverride');
    // After a request: httpd listens before it logs the warnings.
    t.same(warnings(apache.errorLog()), [`PythonPath ${first + 1}`], 'one warning at start');
    await apache.graceful();
    t.same(warnings(apache.errorLog()).length, 2, 'one more after a restart, none for .htaccess');
  },
);

t.test('directives that would run Python code are errors that say what to do', async (t) => {
  const table: [line: string, sentence: string][] = [
    [
      'PythonHandler django.core.handlers.modpython',
      'PythonHandler django.core.handlers.modpython: not supported without mod_python: remove the line, and serve the site with mod_wsgi or mod_proxy',
    ],
    [
      'PythonHandler mod_python.publisher | .py',
      'PythonHandler mod_python.publisher | .py: not supported without mod_python: remove the line, and serve the site with mod_wsgi or mod_proxy',
    ],
    [
      'PythonAuthzHandler mysite.rights',
      'PythonAuthzHandler mysite.rights: not supported without mod_python: remove the line, and use Require lines, such as Require django-permission',
    ],
    [
      'PythonAuthenHandler mysite.ldap_auth',
      "PythonAuthenHandler 'mysite.ldap_auth': unknown handler; accepted: django.contrib.auth.handlers.modpython. Remove the line, and authenticate with another module",
    ],
    [
      `${HANDLER} mysite.second`,
      "PythonAuthenHandler 'mysite.second': unknown handler; accepted: django.contrib.auth.handlers.modpython. Remove the line, and authenticate with another module",
    ],
    [
      `${HANDLER} | .html`,
      "PythonAuthenHandler '|': unknown handler; accepted: django.contrib.auth.handlers.modpython. Remove the line, and authenticate with another module",
    ],
    [
      'SetHandler mod_python',
      'SetHandler mod_python: mod_python is not loaded, and httpd would send the files as they are: remove the line, and serve the site with mod_wsgi or mod_proxy',
    ],
    [
      'AddHandler python-program .py .psp',
      'AddHandler python-program: mod_python is not loaded, and httpd would send the files as they are: remove the line, and serve the site with mod_wsgi or mod_proxy',
    ],
  ];
  for (const context of ['', 'Location "/"', 'Directory "/srv"', 'VirtualHost *']) {
    for (const [line, sentence] of table) {
      const [open, close] = context ? [`<${context}>`, `</${nameOf(context)}>`] : ['', ''];
      const { code, stderr } = await configtest(`${open}\n${line}\n${close}`);
      t.not(code, 0, `${line} in <${context}>`);
      t.ok(stderr.includes(`\n${sentence}\n`), `${line}: ${stderr}`);
    }
  }
  const phases = ['Access', 'Type', 'Init', 'HeaderParser', 'Fixup', 'Log', 'Cleanup'].map((name) => `${name}Handler`);
  for (const name of [...phases, 'HandlerModule', 'InputFilter', 'OutputFilter']) {
    const { stderr } = await configtest(`<Directory "/srv">\nPython${name} mysite.code NAME\n</Directory>`);
    t.match(stderr, `Python${name} mysite.code NAME: not supported without mod_python: remove the line`);
  }
  for (const name of ['PostReadRequestHandler', 'TransHandler', 'ConnectionHandler']) {
    const { stderr } = await configtest(`Python${name} mysite.code`);
    t.match(stderr, `Python${name} mysite.code: not supported without mod_python: remove the line`);
    const misplaced = await configtest(`<Location "/">\nPython${name} mysite.code\n</Location>`);
    t.match(misplaced.stderr, SERVER.misplaced(`Python${name}`));
  }
  const { stderr } = await configtest('AddHandler cgi-script .cgi', { without: ['mime', 'actions'] });
  t.match(stderr, 'AddHandler: mod_mime is not loaded', 'AddHandler without mod_mime remains an error');
});

t.test('the Authoritative lines of httpd 2.0 and 2.2', async (t) => {
  const unknown = SERVER.version === '2.4' ? AUTHORITATIVE : ['AuthAuthoritative'];
  const off = await configtest(
    `<Location "/">\n${AUTHORITATIVE.map((name) => `${name} Off`).join('\n')}\n</Location>`,
    SERVER.version === '2.2' ? { load: ['authz_dbm', 'authz_owner'] } : {},
  );
  t.equal(off.code, 0, off.stderr);
  t.same(warnings(off.stderr).length, unknown.length);
  for (const name of unknown) {
    const on = await configtest(`<Location "/">\n${name} On\n</Location>`);
    t.not(on.code, 0);
    t.match(on.stderr, `${name} On: not supported by this httpd: remove the line, and combine Require lines`);
  }
});

/** What Django's documentation lists, but for AuthzLDAPAuthoritative, whose module is not everywhere, and the oldest one. */
const AUTHORITATIVE = [
  ...['AuthAuthoritative', 'AuthDefaultAuthoritative', 'AuthzDBMAuthoritative', 'AuthzDefaultAuthoritative'],
  ...['AuthzGroupFileAuthoritative', 'AuthzOwnerAuthoritative', 'AuthzUserAuthoritative'],
];

interface OldSite {
  config: string;
  /** What is asked for /repos/x.txt. */
  asked: Partial<Asked>;
  files?: Record<string, string>;
  load?: string[];
}

const REQUIRE = { staff: false, superuser: false, permissions: [] as string[], groups: [] };
const STAFF = { ...REQUIRE, staff: true };

/** Configurations as sites had them, each of which protects /repos. */
const SITES: Record<string, OldSite> = {
  'the documentation for httpd 2.2, with every line that it suggests': {
    config: `<Location /repos/>
        AuthType Basic
        AuthName "example.com"
        AuthUserFile /dev/null
        AuthBasicAuthoritative Off
        AuthDefaultAuthoritative Off
        AuthzDefaultAuthoritative Off
        AuthzGroupFileAuthoritative Off
        AuthzUserAuthoritative Off
        Require valid-user
        SetEnv DJANGO_SETTINGS_MODULE mysite.settings
        ${HANDLER}
      </Location>`,
    asked: { site: 'mysite.settings', require: STAFF },
  },
  'a repository for committers': {
    config: `<Location "/repos">
        PythonPath "['/var/www/python', '/usr/lib/python2.5/site-packages'] + sys.path"
        PythonInterpreter svn
        PythonAuthenHandler django.contrib.auth.handlers.modpython
        PythonOption DJANGO_SETTINGS_MODULE company.settings
        PythonOption DjangoPermissionName repository.commit
        PythonOption DjangoRequireStaffStatus Off
        AuthType basic
        AuthName "Company repository"
        <LimitExcept PROPPATCH>
          Require valid-user
        </LimitExcept>
        Order deny,allow
      </Location>`,
    asked: { site: 'company.settings', require: { ...REQUIRE, permissions: ['repository.commit'] } },
  },
  'a WebDAV share': {
    config: `DavLockDB "${HTDOCS}/lock"
      <Directory "${HTDOCS}/repos">
        DAV On
        Options Indexes
        AuthName "Shared files"
        AuthType Basic
        SetEnv DJANGO_SETTINGS_MODULE share.settings
        PythonAutoReload Off
        PythonDebug On
        PythonAuthenHandler django.contrib.auth.handlers.modpython::authenhandler
        PythonOption DjangoRequireSuperuserStatus on
        Require valid-user
      </Directory>`,
    asked: { site: 'share.settings', require: { ...STAFF, superuser: true } },
    load: ['dav', 'dav_fs', 'dav_lock'],
  },
  'a virtual host with a warmed-up interpreter': {
    config: `PythonImport mysite.warm main_interpreter
      PythonOptimize On
      PythonOption mod_python.mutex_directory "/tmp"
      PythonOption mod_python.mutex_locks 8
      <VirtualHost *>
        ServerName intranet.example.com
        ServerAlias *
        PythonInterpPerDirectory On
        PythonPath "sys.path + ['/srv/intranet']"
        SetEnv DJANGO_SETTINGS_MODULE intranet.settings
        <LocationMatch "^/(repos|reports)/">
          ${BASIC}
          ${HANDLER}
        </LocationMatch>
      </VirtualHost>`,
    asked: { site: 'intranet.settings', require: STAFF },
  },
  'a site whose media files Apache serves': {
    config: `<Location "/">
        SetEnv DJANGO_SETTINGS_MODULE shop.settings
        PythonOption django.root /shop
        PythonPath "['/srv/shop'] + sys.path"
        PythonEnablePdb Off
      </Location>
      <Location "/repos">
        SetHandler None
        ${BASIC}
        ${HANDLER}
        PythonOption DjangoRequireStaffStatus no
      </Location>`,
    asked: { site: 'shop.settings', require: REQUIRE },
  },
  '.htaccess': {
    config: `<Directory "${HTDOCS}/repos">
        AllowOverride AuthConfig FileInfo
      </Directory>`,
    files: {
      'repos/.htaccess': `${BASIC}
        PythonInterpPerDirective On
        PythonPath "sys.path+['/home/someone/django']"
        ${HANDLER}
        SetEnv DJANGO_SETTINGS_MODULE home.settings
        PythonOption DjangoPermissionName gallery.view`,
    },
    asked: { site: 'home.settings', require: { ...STAFF, permissions: ['gallery.view'] } },
  },
};

for (const [name, { config, asked, files, load = [] }] of Object.entries(SITES)) {
  t.test(`an old site works unchanged: ${name}`, async (t) => {
    const daemon = await fakeDaemon(({ secret }) => (secret === 'right' ? GRANTED : denied()));
    const apache = await startApache(`DjangoAuthSocket ${daemon.socket}\n${config}`, {
      load,
      files: { 'repos/x.txt': 'inside', ...files },
    });
    t.teardown(async () => {
      await apache.stop();
      await daemon.remove();
    });
    const ask = async (password: string) => (await apache.get('/repos/x.txt', { user: 'alice', password })).status;
    t.equal(await ask('right'), 200);
    t.equal(daemon.asked.length, 1);
    t.match(daemon.asked[0], asked);
    t.equal(await ask('wrong'), 401);
    t.equal((await apache.get('/repos/x.txt')).status, 401);
    daemon.behave(() => ({ status: 4, content: { reason: 'the database is away' } }));
    t.equal(await ask('right'), 500, 'a fault of the database');
    const lines = config.match(/^ *Python(?!AuthenHandler|Option D)\w+/gm)?.length ?? 0;
    const authoritative =
      SERVER.version === '2.4' ? (config.match(/^ *Auth(?!Basic)\w*Authoritative/gm)?.length ?? 0) : 0;
    t.equal(warnings(apache.errorLog()).length, lines + authoritative, 'one warning for each ignored line');
  });
}

t.test('an old site with other handlers does not start', async (t) => {
  const whole = `<VirtualHost *>
      DocumentRoot "${HTDOCS}"
      <Location "/">
        SetHandler python-program
        PythonHandler django.core.handlers.modpython
        SetEnv DJANGO_SETTINGS_MODULE mysite.settings
        PythonPath "['/srv/www/'] + sys.path"
        PythonDebug On
      </Location>
    </VirtualHost>`;
  t.match((await configtest(whole)).stderr, 'SetHandler python-program: mod_python is not loaded');
  const trac = `<Location "/trac">
      PythonInterpreter main
      PythonHandler trac.web.modpython_frontend
      PythonOption TracEnv /srv/trac
      PythonOption TracUriRoot /trac
    </Location>`;
  t.match(
    (await configtest(trac)).stderr,
    'PythonHandler trac.web.modpython_frontend: not supported without mod_python',
  );
  const options = trac.replace(/.*PythonHandler.*\n/, '');
  t.match(
    (await configtest(options)).stderr,
    "PythonOption 'TracEnv': unknown option; accepted: DJANGO_SETTINGS_MODULE",
  );

  const apache = await startApache('', {
    files: { 'app/index.py': 'the source', 'app/.htaccess': 'AddHandler mod_python .py\nPythonHandler index' },
  });
  t.teardown(() => apache.stop());
  const page = await apache.get('/app/index.py');
  t.equal(page.status, 500);
  t.notMatch(page.body, 'the source', 'nor does httpd send the source');
});

t.test('<IfModule mod_python.c> is not satisfied, as the documentation warns', async (t) => {
  const skipped = await configtest('<IfModule mod_python.c>\nPythonHandler x\n</IfModule>');
  t.equal(skipped.code, 0);
  const inside = await configtest('<IfModule authnz_django_module>\nPythonHandler x\n</IfModule>');
  t.match(inside.stderr, 'PythonHandler x: not supported without mod_python');
});

t.test('beside mod_python, its directives are its own', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-p-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(
    join(directory, 'mod_python.c'),
    '#include "httpd.h"\n#include "http_config.h"\nmodule python_module = {STANDARD20_MODULE_STUFF};\n',
  );
  const flags = (command: string, ...words: string[]) =>
    execFileSync(command, words, { encoding: 'utf8' }).trim().split(/\s+/);
  execFileSync(
    'gcc',
    [
      ...['-w', '-shared', '-fPIC', '-o', 'mod_python.so', `-I${apxs('INCLUDEDIR')}`],
      ...flags('apr-1-config', '--cppflags', '--includes'),
      'mod_python.c',
    ],
    { cwd: directory },
  );
  const { code, stderr } = await configtest(`LoadModule python_module "${directory}/mod_python.so"
    <Location "/">
      SetHandler mod_python
      PythonHandler django.core.handlers.modpython
      PythonAuthenHandler mysite.other
      PythonPath "sys.path"
      PythonOption TracEnv /srv/trac
    </Location>`);
  t.equal(code, 0, stderr);
  t.same(warnings(stderr), []);
});
