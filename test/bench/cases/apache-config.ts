import { type ApacheOptions, HTDOCS } from '../../fixtures/apache.ts';

/**
 * The configuration of the bench's servers. No access log: it would be measured as well. The children stay the same, so
 * that their processor time can be told.
 */
export const SERVER = {
  without: ['log_config'],
  logLevel: 'warn',
  processes: [
    'StartServers 2',
    'MinSpareThreads 1',
    'MaxSpareThreads 400',
    'ThreadsPerChild 25',
    'ThreadLimit 25',
  ].join('\n'),
} satisfies ApacheOptions;

/** Keep-alive connections, and no lookup of .htaccess files. */
export const QUIET = `
KeepAlive On
MaxKeepAliveRequests 0
<Directory "${HTDOCS}">
  AllowOverride None
</Directory>`;

/** HTTP Basic with this provider. @param require the `Require` line */
export function basicBy(provider: string, require = 'valid-user'): string {
  return `  AuthType Basic
  AuthName "example.com"
  AuthBasicProvider ${provider}
  Require ${require}`;
}

export function authDjango(site: string, require?: string): string {
  return `${basicBy('django', require)}
  DjangoSettingsModule ${site}`;
}

export function authFile(file: string): string {
  return `${basicBy('file')}
  AuthUserFile "${file}"`;
}

/** mod_authn_socache in front of mod_authn_dbd, as httpd's documentation configures them. */
export function authDbd(): string {
  return `${basicBy('socache dbd')}
  AuthnCacheProvideFor dbd
  AuthnCacheContext bench
  AuthDBDUserPWQuery "SELECT password FROM authn WHERE username = %s"`;
}

export function authWsgi(script: string): string {
  return `${basicBy('wsgi')}
  WSGIAuthUserScript "${script}" application-group=%{GLOBAL}`;
}
