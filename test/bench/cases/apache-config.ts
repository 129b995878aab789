import { type ApacheOptions, HTDOCS } from '../../fixtures/apache.ts';

/** What a server of the bench is made of: no access log, which would be measured besides. */
export const SERVER = {
  without: ['log_config'],
  logLevel: 'warn',
  processes: 'StartServers 2\nThreadsPerChild 25\nThreadLimit 25',
} satisfies ApacheOptions;

/** Connections that are kept, and no .htaccess to look for. */
export const QUIET = `
KeepAlive On
MaxKeepAliveRequests 0
<Directory "${HTDOCS}">
  AllowOverride None
</Directory>`;

const BASIC = `  AuthType Basic
  AuthName "example.com"
  Require valid-user`;

export function authDjango(site: string): string {
  return `${BASIC}
  AuthBasicProvider django
  DjangoSettingsModule ${site}`;
}

export function authFile(file: string): string {
  return `${BASIC}
  AuthBasicProvider file
  AuthUserFile "${file}"`;
}

/** httpd's own cache before its own database provider, as its documentation sets them up. */
export function authDbd(): string {
  return `${BASIC}
  AuthBasicProvider socache dbd
  AuthnCacheProvideFor dbd
  AuthnCacheContext bench
  AuthDBDUserPWQuery "SELECT password FROM authn WHERE username = %s"`;
}

export function authWsgi(script: string): string {
  return `${BASIC}
  AuthBasicProvider wsgi
  WSGIAuthUserScript "${script}" application-group=%{GLOBAL}`;
}
