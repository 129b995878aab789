import { isIP } from 'node:net';
import { formatQuery } from '../store/url-query.ts';
import { ImportError } from './import-error.ts';
import type { ImportedDatabase } from './imported-database.ts';
import type { DatabaseFacts } from './introspection.ts';
import { completed } from './libpq.ts';
import type { Note } from './note.ts';
import { offersTls } from './tls-probe.ts';

/** A URL that the daemon's driver reads as libpq reads the site's parameters. */
export async function postgresUrl(facts: DatabaseFacts): Promise<ImportedDatabase> {
  const parameters = completed(facts);
  const { user = '', dbname = '', host = '', port = '', password } = parameters;
  const notes: Note[] = [];
  if (host.includes(',') || parameters.hostaddr !== undefined) {
    throw new ImportError(
      `djauthd: database "${facts.alias}" names ${host.includes(',') ? 'several hosts' : 'a hostaddr'}: one HOST is needed, for the daemon connects to one`,
    );
  }
  // The driver reads it by decodeURI, which leaves these encoded.
  if (/[?#]/.test(dbname)) {
    throw new ImportError(`djauthd: database "${facts.alias}" is called ${dbname}: no URL can have ? or # there`);
  }
  // A socket, of the file system or (with @) abstract: no TLS there.
  const socket = host.startsWith('/');
  if (host.startsWith('@')) {
    throw new ImportError(
      `djauthd: database "${facts.alias}" is at an abstract socket, which cannot be reached from here`,
    );
  }
  const tls = socket ? {} : await tlsOptions(parameters, notes);
  const options = [parameters.options, facts.role ? `-c role=${escaped(facts.role)}` : undefined].filter(Boolean);
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
 * The driver has its own reading of sslmode, and no way to do without TLS where the server offers none. So libpq's is
 * asked for by name, and what depends on the server is settled by asking it now.
 */
async function tlsOptions(
  parameters: Record<string, string>,
  notes: Note[],
): Promise<Record<string, string | undefined>> {
  const { sslmode: mode = 'prefer', sslrootcert, sslcert, sslkey, sslcrl, host = '', port } = parameters;
  if (sslcrl) {
    throw new ImportError('djauthd: sslcrl is set, and revoked certificates cannot be told here');
  }
  if (mode === 'disable') return { sslmode: 'disable' };
  const clientKeys = { sslcert, sslkey: sslcert ? sslkey : undefined };
  if (sslrootcert === 'system') {
    notes.push({
      text: 'sslrootcert=system: the certificate authorities are those of Node.js, or NODE_EXTRA_CA_CERTS',
    });
    return { uselibpqcompat: 'true', sslmode: 'verify-full', ...clientKeys };
  }
  if (mode !== 'prefer' && mode !== 'allow') {
    if (mode !== 'require' && !sslrootcert) {
      throw new ImportError(`djauthd: sslmode=${mode} needs sslrootcert, or ~/.postgresql/root.crt`);
    }
    return { uselibpqcompat: 'true', sslmode: mode, sslrootcert, ...clientKeys };
  }
  const offered = await offersTls(host, Number(port));
  if (offered === undefined) {
    notes.push({
      text: `the server at ${host} cannot be reached to see whether it offers TLS, as sslmode=${mode} has it: none is used; import again when it is up, or set sslmode=require`,
    });
  }
  // As libpq, which looks at no certificate in these modes.
  return offered ? { uselibpqcompat: 'true', sslmode: 'require', ...clientKeys } : { sslmode: 'disable' };
}

/** In `options`, backslash keeps a space. */
function escaped(value: string): string {
  return value.replace(/[\\ ]/g, '\\$&');
}
