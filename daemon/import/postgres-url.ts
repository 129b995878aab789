import { isIP } from 'node:net';
import { formatQuery } from '../store/url-query.ts';
import { ImportError } from './import-error.ts';
import type { ImportedDatabase } from './imported-database.ts';
import type { IntrospectedDatabase } from './introspection.ts';
import { completed } from './libpq.ts';
import type { Note } from './note.ts';
import { offersTls } from './tls-probe.ts';

/** The URL that means to the daemon's driver what the site's parameters mean to libpq. */
export async function postgresUrl(introspected: IntrospectedDatabase): Promise<ImportedDatabase> {
  const { alias, role } = introspected;
  const parameters = completed(introspected);
  const { user = '', dbname = '', host = '', port = '', password } = parameters;
  const notes: Note[] = [];
  if (host.includes(',') || parameters.hostaddr !== undefined) {
    throw new ImportError(
      `djauthd: database "${alias}": ${host.includes(',') ? 'several hosts are' : 'hostaddr is'} not supported; give one HOST`,
    );
  }
  // The driver decodes it by decodeURI, which leaves these encoded.
  if (/[?#]/.test(dbname)) {
    throw new ImportError(`djauthd: database "${alias}": invalid database name ${dbname}: ? and # are not supported`);
  }
  // A socket of the file system or (with @) an abstract one: there is no TLS.
  const socket = host.startsWith('/');
  if (host.startsWith('@')) {
    throw new ImportError(`djauthd: database "${alias}": abstract sockets are not supported`);
  }
  const tls = socket ? {} : await tlsOptions(parameters, notes);
  const options = [parameters.options, role ? `-c role=${escaped(role)}` : undefined].filter(Boolean);
  const query = formatQuery({
    host: socket ? host : undefined,
    port: socket && port !== '5432' ? port : undefined,
    ...tls,
    options: options.length > 0 ? options.join(' ') : undefined,
  });
  const place = socket
    ? ''
    : `${isIP(host) === 6 ? `[${host}]` : encodeURIComponent(host)}${port === '5432' ? '' : `:${port}`}`;
  return {
    url: `postgres://${encodeURIComponent(user)}@${place}/${encodeURI(dbname)}${query}`,
    password,
    notes,
  };
}

/**
 * The driver interprets sslmode in its own way, and cannot fall back to a connection without TLS. So libpq's meaning is
 * requested by name, and what depends on the server is settled by asking it now.
 */
async function tlsOptions(
  parameters: Record<string, string>,
  notes: Note[],
): Promise<Record<string, string | undefined>> {
  const { sslmode: mode = 'prefer', sslrootcert, sslcert, sslkey, sslcrl, host = '', port } = parameters;
  if (sslcrl) {
    throw new ImportError('djauthd: sslcrl is not supported: djauthd cannot check for revoked certificates');
  }
  if (mode === 'disable') return { sslmode: 'disable' };
  const clientKeys = { sslcert, sslkey: sslcert ? sslkey : undefined };
  if (sslrootcert === 'system') {
    notes.push({
      text: 'sslrootcert=system: djauthd uses the certificate authorities of Node.js and of NODE_EXTRA_CA_CERTS',
    });
    return { uselibpqcompat: 'true', sslmode: 'verify-full', ...clientKeys };
  }
  if (mode !== 'prefer' && mode !== 'allow') {
    if (mode !== 'require' && !sslrootcert) {
      throw new ImportError(`djauthd: sslmode=${mode} requires sslrootcert or ~/.postgresql/root.crt`);
    }
    return { uselibpqcompat: 'true', sslmode: mode, sslrootcert, ...clientKeys };
  }
  const offered = await offersTls(host, Number(port));
  if (offered === undefined) {
    notes.push({
      text: `cannot reach the server at ${host} to see whether it offers TLS (sslmode=${mode}): TLS is not used; import again when it is up, or set sslmode=require`,
    });
  }
  // As libpq, which checks no certificate in these modes.
  return offered ? { uselibpqcompat: 'true', sslmode: 'require', ...clientKeys } : { sslmode: 'disable' };
}

/** In `options`, a backslash escapes a space. */
function escaped(value: string): string {
  return value.replace(/[\\ ]/g, '\\$&');
}
