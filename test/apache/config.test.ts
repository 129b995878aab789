import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type ApacheOptions, configtest } from '../fixtures/apache.ts';
import { SERVER } from '../fixtures/httpd.ts';

/** The message of a failed configtest, without the position in the file. */
async function refusal(config: string | Buffer, options?: ApacheOptions): Promise<string> {
  const { code, stderr } = await configtest(config, options);
  if (code === 0) return 'accepted';
  return stderr
    .split('\n')
    .filter((line) => line && !/AH\d+|^\[|Syntax error on line/.test(line))
    .join('\n');
}

const SWITCH = 'invalid value; accepted: On or Off (also 1, true, yes and 0, false, no)';
const PERMISSION = 'invalid permission; accepted: app_label.codename, such as polls.can_vote, or none';
const TIME = 'invalid time; accepted: 1ms to 600s, a whole number of seconds or milliseconds such as 5, 5s or 500ms';
const OPTIONS =
  'unknown option; accepted: DJANGO_SETTINGS_MODULE, DjangoRequireStaffStatus, DjangoRequireSuperuserStatus and DjangoPermissionName';

t.test('an invalid value is an error that says what is accepted', async (t) => {
  const long = `/${'s'.repeat(107)}`;
  const timeouts = ['0', '0ms', 'soon', '-1', '5m', '1.5', '5 ', '601', '600001ms', '9'.repeat(20), '5sec', '0x5'];
  const permissions = ['can_vote', 'polls.', '.can_vote', '1polls.x', 'po-lls.x', 'polls.can vote', 'polls. x', '.'];
  const handler =
    'unknown handler; accepted: django.contrib.auth.handlers.modpython. Remove the line, and authenticate with another module';
  const table: [line: string, sentence: string][] = [
    [
      'DjangoAuthSocket run/auth.sock',
      "DjangoAuthSocket 'run/auth.sock': invalid path; accepted: an absolute path, such as /run/djauthd/auth.sock",
    ],
    [`DjangoAuthSocket ${long}`, `DjangoAuthSocket '${long}': path too long (108 octets); the limit is 107 octets`],
    ...timeouts.map((text): [string, string] => [
      `DjangoAuthTimeout "${text}"`,
      `DjangoAuthTimeout '${text}': ${TIME}`,
    ]),
    ...permissions.map((text): [string, string] => [
      `DjangoPermissionName "${text}"`,
      `DjangoPermissionName '${text}': ${PERMISSION}`,
    ]),
    ['DjangoRequireStaffStatus maybe', `DjangoRequireStaffStatus 'maybe': ${SWITCH}`],
    ['DjangoRequireStaffStatus " on"', `DjangoRequireStaffStatus ' on': ${SWITCH}`],
    ['DjangoAuthCanonicalUser perhaps', `DjangoAuthCanonicalUser 'perhaps': ${SWITCH}`],
    ['AuthzDjangoAuthoritative perhaps', `AuthzDjangoAuthoritative 'perhaps': ${SWITCH}`],
    ['DjangoRequireSuperuserStatus 2', `DjangoRequireSuperuserStatus '2': ${SWITCH}`],
    ['PythonAuthenHandler mysite.auth', `PythonAuthenHandler 'mysite.auth': ${handler}`],
    ['PythonAuthenHandler django.contrib.auth.handlers.modpython x', `PythonAuthenHandler 'x': ${handler}`],
    ['PythonOption TracEnv /srv/trac', `PythonOption 'TracEnv': ${OPTIONS}`],
    ['PythonOption DjangoRequireStaffStatus maybe', `PythonOption DjangoRequireStaffStatus 'maybe': ${SWITCH}`],
    ['PythonOption DjangoRequireSuperuserStatus maybe', `PythonOption DjangoRequireSuperuserStatus 'maybe': ${SWITCH}`],
    ['PythonOption DjangoPermissionName can_vote', `PythonOption DjangoPermissionName 'can_vote': ${PERMISSION}`],
  ];
  for (const [line, sentence] of table) t.equal(await refusal(line), sentence, line);

  for (const name of [
    ...['DjangoAuthSocket', 'DjangoAuthTimeout', 'DjangoSettingsModule', 'DjangoRequireStaffStatus'],
    ...['DjangoRequireSuperuserStatus', 'DjangoPermissionName'],
  ]) {
    t.match(await refusal(name), `${name} takes one argument, `, `${name} without a value`);
    t.match(await refusal(`${name} a b`), `${name} takes one argument, `, `${name} with two`);
  }

  for (const name of ['DjangoSettingsModule', 'SetEnv DJANGO_SETTINGS_MODULE', 'PythonOption DJANGO_SETTINGS_MODULE']) {
    const sentence = await refusal(Buffer.from(`${name} läden`, 'latin1'));
    t.match(sentence, 'invalid settings module; accepted: a name in UTF-8', `${name} in Latin-1`);
  }
  for (const octets of ['c3', 'c0af', 'e08080', 'eda080', 'f0808080', 'f4908080', 'ff', '80', 'e282']) {
    const line = Buffer.concat([Buffer.from('DjangoPermissionName polls.x'), Buffer.from(octets, 'hex')]);
    t.match(await refusal(line), PERMISSION, `a permission that ends in ${octets}`);
  }
});

t.test('the socket and the timeout cannot be set in a section', async (t) => {
  for (const line of ['DjangoAuthSocket /run/x', 'DjangoAuthTimeout 5']) {
    const name = line.split(' ')[0];
    t.equal(await refusal(`<Location "/">\n${line}\n</Location>`), SERVER.misplaced(`${name}`), line);
  }
});

t.test('every accepted spelling', async (t) => {
  const lines = [
    `DjangoAuthSocket /${'s'.repeat(106)}`,
    ...['1', '5', '5s', '500ms', '1MS', '600', '600s', '600000ms'].map((value) => `DjangoAuthTimeout ${value}`),
    'DjangoSettingsModule mysite.settings',
    'DjangoSettingsModule ""',
    ...['On', 'off', 'TRUE', 'False', 'yes', 'NO', '1', '0'].map((value) => `DjangoRequireStaffStatus ${value}`),
    ...['On', 'off', 'TRUE', 'False', 'yes', 'NO', '1', '0'].map((value) => `DjangoRequireSuperuserStatus ${value}`),
    ...['polls.can_vote', '""', 'none', 'None', 'polls.can.vote', '_p1.läuft', 'p.€', 'p.😀'].map(
      (v) => `DjangoPermissionName ${v}`,
    ),
    'PythonAuthenHandler django.contrib.auth.handlers.modpython',
    'PythonOption DJANGO_SETTINGS_MODULE mysite.settings',
    'PythonOption DJANGO_SETTINGS_MODULE',
    'PythonOption DjangoRequireStaffStatus off',
    'PythonOption djangorequirestaffstatus',
    'PythonOption DjangoRequireSuperuserStatus on',
    'PythonOption DjangoPermissionName polls.can_vote',
    'PythonOption DjangoPermissionName ""',
    'SetEnv DJANGO_SETTINGS_MODULE mysite.settings',
    'SetEnv DJANGO_SETTINGS_MODULE',
    'UnsetEnv DJANGO_SETTINGS_MODULE',
    'PassEnv DJANGO_SETTINGS_MODULE',
  ];
  t.equal(await refusal(lines.join('\n')), 'accepted');
});

t.test('a missing socket is a warning, not an error', async (t) => {
  const missing = await configtest('DjangoAuthSocket /nowhere/auth.sock');
  t.equal(missing.code, 0);
  t.match(missing.stderr, 'DjangoAuthSocket /nowhere/auth.sock: no such socket');
  const silent = await configtest('<Location "/">\nAuthBasicProvider django\n</Location>');
  t.equal(silent.code, 0);
  t.match(silent.stderr, 'DjangoAuthSocket /run/djauthd/auth.sock: no such socket', 'the default one too');
  t.match(
    await refusal('<Location "/">\nAuthBasicProvider file\n</Location>', { without: ['auth_basic'] }),
    'AuthBasicProvider: mod_auth_basic is not loaded',
  );
  const file = await configtest('DjangoAuthSocket /etc/passwd');
  t.equal(file.code, 0);
  t.match(file.stderr, 'DjangoAuthSocket /etc/passwd: not a socket');
  const unused = await configtest('SetEnv DJANGO_SETTINGS_MODULE mysite.settings');
  t.notMatch(unused.stderr, 'no such socket', 'no warning if the module is loaded but not used');
});

t.test('without mod_env, SetEnv of another variable remains an error', async (t) => {
  const options = { without: ['env'] };
  const only = 'mod_env is not loaded; accepted without it: DJANGO_SETTINGS_MODULE';
  t.equal(await refusal('SetEnv OTHER 1', options), `SetEnv 'OTHER': ${only}`);
  t.equal(await refusal('UnsetEnv OTHER', options), `UnsetEnv 'OTHER': ${only}`);
  t.equal(await refusal('PassEnv OTHER', options), `PassEnv 'OTHER': ${only}`);
  t.equal(await refusal('SetEnv DJANGO_SETTINGS_MODULE mysite.settings', options), 'accepted');
});

t.test('Digest authentication cannot use the provider', async (t) => {
  const config = '<Location "/">\nAuthType Digest\nAuthName x\nAuthDigestProvider django\n</Location>';
  t.match(await refusal(config, { load: ['auth_digest'] }), /'django'.*Digest/);
});

t.test('the configuration files that a2enmod enables', async (t) => {
  const directory = 'client-c/conf';
  // The other files are samples, which have tests in test/clients/.
  for (const name of ['authnz_django.load', 'authnz_django.conf']) {
    t.equal(await refusal(readFileSync(join(directory, name))), 'accepted', name);
  }
  // The commented lines are defaults or examples, and valid as they are.
  const all = readFileSync(join(directory, 'authnz_django.conf'), 'utf8').replace(/^#(?=Django)/gm, '');
  t.equal(await refusal(all), 'accepted', 'authnz_django.conf with every line uncommented');
  t.equal(all.match(/^Django/gm)?.length, 10, 'every directive is in it');
});
