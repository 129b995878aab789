import { type AuthPlugin, authPlugins } from 'mysql2';
import { signScramble } from './ed25519.ts';

/** What an administrator can do about a plugin that is not supported. */
const REMEDY =
  'give the account a password of the plugin mysql_native_password, caching_sha2_password or ed25519, such as ' +
  "ALTER USER 'djauthd'@'host' IDENTIFIED VIA ed25519 USING PASSWORD('...') in MariaDB";

const PLAIN = 'it sends the password as plain text';
const KERBEROS = 'it needs Kerberos';

/** Client plugins that are not supported, by the names that servers ask for, and what they are. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  mysql_clear_password: `${PLAIN}, for PAM or LDAP`,
  dialog: `${PLAIN}, for PAM`,
  mysql_old_password: 'its hashes can be broken in seconds',
  auth_gssapi_client: KERBEROS,
  authentication_kerberos_client: KERBEROS,
  authentication_windows_client: 'it needs Windows',
  authentication_ldap_sasl_client: 'it needs LDAP',
  authentication_webauthn_client: 'it needs a security key',
  authentication_fido_client: 'it needs a security key',
  authentication_oci_client: 'it needs Oracle Cloud',
  authentication_openid_connect_client: 'it needs OpenID Connect',
};

function unsupported(plugin: string): Error {
  const what = UNSUPPORTED[plugin];
  return new Error(`authentication plugin ${plugin} is not supported${what ? ` (${what})` : ''}; ${REMEDY}`);
}

/** How a password travels on a connection. */
export interface Transport {
  /** Whether others cannot read it: by TLS, or because it is a socket. */
  readonly isPrivate: boolean;
  /** The server's RSA key, where its file is given. */
  readonly serverPublicKey: Buffer | undefined;
}

/**
 * The authentication plugins. A password, or what is worth as much, is sent only where nobody else can read it: the key
 * that a server sends by itself could be that of anybody in between, so that it is not used without TLS, as in MySQL's
 * own clients.
 */
export function authPluginsFor({ isPrivate, serverPublicKey }: Transport): Record<string, AuthPlugin> {
  const rsa = serverPublicKey === undefined ? {} : { serverPublicKey };
  /** @param keyRequest the plugin's request for the server's key */
  const guarded = (name: string, plugin: AuthPlugin, keyRequest: number): AuthPlugin => {
    if (isPrivate || serverPublicKey !== undefined) return plugin;
    return (metadata) => {
      const respond = plugin(metadata);
      return (data) => {
        const response = respond(data);
        if (Buffer.isBuffer(response) && response.length === 1 && response[0] === keyRequest) {
          throw new Error(
            `authentication plugin ${name} sends the password to the server, which requires TLS or the server's key: ` +
              'enable TLS in the server and set ssl-mode, set server-public-key-path, or connect to the socket',
          );
        }
        return response;
      };
    };
  };
  const refused = Object.keys(UNSUPPORTED).map((name): [string, AuthPlugin] => [
    name,
    () => () => {
      throw unsupported(name);
    },
  ]);
  return {
    ...Object.fromEntries(refused),
    caching_sha2_password: guarded(
      'caching_sha2_password',
      authPlugins.caching_sha2_password({ ...rsa, overrideIsSecure: isPrivate }),
      2,
    ),
    sha256_password: guarded('sha256_password', authPlugins.sha256_password(rsa), 1),
    client_ed25519:
      ({ connection }) =>
      (scramble) =>
        signScramble(String((connection as Configured).config.password ?? ''), scramble.subarray(0, 32)),
  };
}

interface Configured {
  readonly config: { readonly password?: string };
}

/** The driver's errors in words that say what to do. */
export function explain(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  const plugin = /unknown plugin ([\w-]{1,64})/.exec(error.message)?.[1];
  if (plugin !== undefined) error.message = unsupported(plugin).message;
  else if (/unknown plugin/.test(error.message)) error.message = unsupported('of an unknown name').message;
  else if (code === 'HANDSHAKE_NO_SSL_SUPPORT')
    error.message = 'the server does not support TLS, which ssl-mode requires';
  else if (code === 'HANDSHAKE_SSL_ERROR') error.message = `TLS: ${error.message}`;
  // MariaDB's and MySQL's answer where the account's plugin takes no password (unix_socket, auth_socket).
  else if (errno === 1698) {
    error.message +=
      '; an account that uses unix_socket is only for the system user of that name: give it a password, or run djauthd as that user';
  }
  return error;
}
