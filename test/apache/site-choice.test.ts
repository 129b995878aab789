import t from 'tap';
import { HTDOCS, startApache } from '../fixtures/apache.ts';
import { fakeDaemon, GRANTED } from '../fixtures/fake-daemon.ts';
import { SERVER } from '../fixtures/httpd.ts';

const HANDLER = 'PythonAuthenHandler django.contrib.auth.handlers.modpython';
const WAYS = { provider: 'AuthBasicProvider django', handler: HANDLER };
const SET = 'SetEnv DJANGO_SETTINGS_MODULE evil';
const ECHO = 'Header always set X-Variable "%{DJANGO_SETTINGS_MODULE}e"';

interface Case {
  /** AllowOverride of the directory. */
  override: string;
  /** Lines of the server's configuration for the directory. */
  server?: string;
  htaccess?: string;
  headers?: Record<string, string>;
  /** The site that is asked; null: the daemon's only one; 500: nobody is asked. */
  site: string | null | 500;
  /** What a program of the page sees. */
  variable?: string;
  /** Only httpd 2.4 has it. */
  modern?: boolean;
}

const NAMED = 'DjangoSettingsModule named';
const BY_HEADER = 'SetEnvIf X-Site "(.+)" DJANGO_SETTINGS_MODULE=$1';
const ALWAYS = 'SetEnvIf Request_URI . DJANGO_SETTINGS_MODULE=evil';
const REWRITE = 'RewriteEngine On\nRewriteRule . - [E=DJANGO_SETTINGS_MODULE:evil]';

const CASES: Record<string, Case> = {
  'SetEnv with FileInfo': { override: 'FileInfo', htaccess: SET, site: null, variable: 'evil' },
  'SetEnv with FileInfo, named': { override: 'FileInfo', server: NAMED, htaccess: SET, site: 'named' },
  'SetEnv with FileInfo, named by SetEnv': {
    ...{ override: 'FileInfo', server: 'SetEnv DJANGO_SETTINGS_MODULE named', htaccess: SET, site: 'named' },
    variable: 'evil',
  },
  'SetEnv with FileInfo, named by PythonOption': {
    ...{ override: 'FileInfo', server: 'PythonOption DJANGO_SETTINGS_MODULE named', htaccess: SET, site: 'named' },
  },
  'SetEnv in <Files>': { override: 'FileInfo', htaccess: `<Files "*">\n${SET}\n</Files>`, site: null },
  'SetEnv in <If>': { override: 'FileInfo', htaccess: `<If "true">\n${SET}\n</If>`, site: null, modern: true },
  'SetEnv with AllowOverrideList': {
    ...{ override: 'None\nAllowOverrideList SetEnv', htaccess: SET, site: null, modern: true, variable: 'evil' },
  },
  'SetEnv with AuthConfig': { override: 'FileInfo AuthConfig', htaccess: SET, site: 'evil' },
  'SetEnv with AuthConfig in <Files>': {
    ...{ override: 'FileInfo AuthConfig', htaccess: `<Files "*">\n${SET}\n</Files>`, site: 'evil' },
  },
  'DjangoSettingsModule with AuthConfig': {
    ...{ override: 'AuthConfig', server: NAMED, htaccess: 'DjangoSettingsModule own', site: 'own' },
  },
  'UnsetEnv with FileInfo': {
    ...{ override: 'FileInfo', server: 'SetEnv DJANGO_SETTINGS_MODULE named', site: 'named' },
    htaccess: 'UnsetEnv DJANGO_SETTINGS_MODULE',
  },
  'UnsetEnv with AuthConfig': {
    ...{ override: 'FileInfo AuthConfig', server: 'SetEnv DJANGO_SETTINGS_MODULE named', site: null },
    htaccess: 'UnsetEnv DJANGO_SETTINGS_MODULE',
  },
  'PassEnv with FileInfo': { override: 'FileInfo', htaccess: 'PassEnv DJANGO_SETTINGS_MODULE', site: null },
  'PassEnv with AuthConfig': {
    ...{ override: 'FileInfo AuthConfig', htaccess: 'PassEnv DJANGO_SETTINGS_MODULE', site: 'passed' },
  },
  // Nothing names the site but a variable that anybody may have set.
  'SetEnvIf in .htaccess': { override: 'FileInfo', htaccess: ALWAYS, site: 500 },
  'SetEnvIf in .htaccess, named': { override: 'FileInfo', server: NAMED, htaccess: ALWAYS, site: 'named' },
  'SetEnvIf with AuthConfig': { override: 'All', htaccess: ALWAYS, site: 500 },
  'SetEnvIf of the server': { override: 'None', server: ALWAYS, site: 500 },
  'SetEnvIf of a header': { override: 'None', server: BY_HEADER, headers: { 'x-site': 'evil' }, site: 500 },
  'SetEnvIf of a header that is not sent': { override: 'None', server: BY_HEADER, site: null },
  'SetEnvIf of a header, named': {
    ...{ override: 'None', server: `${BY_HEADER}\n${NAMED}`, headers: { 'x-site': 'evil' }, site: 'named' },
  },
  'BrowserMatch in .htaccess': {
    ...{ override: 'FileInfo', htaccess: 'BrowserMatch . DJANGO_SETTINGS_MODULE=evil', site: 500 },
    headers: { 'user-agent': 'x' },
  },
  // mod_rewrite evaluates rules of a directory after authentication.
  'RewriteRule in .htaccess': { override: 'FileInfo', htaccess: REWRITE, site: null },
  'RewriteRule in .htaccess, named': { override: 'FileInfo', server: NAMED, htaccess: REWRITE, site: 'named' },
  'a header of that name': { override: 'None', headers: { DJANGO_SETTINGS_MODULE: 'evil' }, site: null },
};

t.test('FileInfo and request headers never choose the site', async (t) => {
  process.env.DJANGO_SETTINGS_MODULE = 'passed';
  t.teardown(() => {
    delete process.env.DJANGO_SETTINGS_MODULE;
  });
  const daemon = await fakeDaemon(() => GRANTED);
  const cases = Object.entries(CASES).filter(([, { modern }]) => !modern || SERVER.modern);
  const files: Record<string, string> = {};
  const sections = Object.entries(WAYS).flatMap(([way, how]) =>
    cases.map(([, { override, server = '', htaccess }], i) => {
      const path = `${way}/${i}`;
      files[`${path}/index.html`] = 'inside';
      if (htaccess !== undefined) files[`${path}/.htaccess`] = htaccess;
      return `<Directory "${HTDOCS}/${path}">
        AllowOverride ${override}
        Options +FollowSymLinks
        AuthType Basic
        AuthName x
        Require valid-user
        ${how}
        ${server}
        ${ECHO}
      </Directory>`;
    }),
  );
  const rewritten = Object.entries(WAYS).map(
    ([way, how]) =>
      `<Directory "${HTDOCS}/rewritten/${way}">\nAuthType Basic\nAuthName x\nRequire valid-user\n${how}\n</Directory>`,
  );
  const rule = 'RewriteEngine On\nRewriteRule ^/rewritten/ - [E=DJANGO_SETTINGS_MODULE:evil]';
  for (const way of Object.keys(WAYS)) files[`rewritten/${way}/index.html`] = 'inside';
  const apache = await startApache([`DjangoAuthSocket ${daemon.socket}`, ...sections, ...rewritten, rule].join('\n'), {
    load: ['rewrite'],
    files,
  });
  t.teardown(async () => {
    await apache.stop();
    await daemon.remove();
  });
  for (const way of Object.keys(WAYS)) {
    for (const [i, [name, { headers = {}, site, variable }]] of cases.entries()) {
      daemon.asked.length = 0;
      const answer = await apache.get(`/${way}/${i}/`, { user: 'alice', password: 'x', headers });
      t.equal(answer.status, site === 500 ? 500 : 200, `${name}, ${way}: status`);
      const sites = [...new Set(daemon.asked.map((asked) => asked.site ?? null))];
      t.same(sites, site === 500 ? [] : [site], `${name}, ${way}: site`);
      if (variable) t.equal(answer.headers['x-variable'], variable, `${name}, ${way}: programs see the variable`);
    }
    daemon.asked.length = 0;
    const { status } = await apache.get(`/rewritten/${way}/`, { user: 'alice', password: 'x' });
    t.equal(status, 500, 'RewriteRule of the server');
    t.equal(daemon.asked.length, 0);
  }
  t.match(apache.errorLog(), 'the site is not taken from the variable DJANGO_SETTINGS_MODULE');
});
