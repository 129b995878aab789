import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions, PeerCertificate } from 'node:tls';
import { messageOf } from '../../fault.ts';
import { systemRoots } from '../system-roots.ts';
import { UrlError } from '../url-query.ts';
import type { Tls } from './url.ts';

/**
 * The TLS options for a host, with the meaning that libpq gives to them: a certificate is verified if there is a root
 * certificate, whatever the mode; `verify-ca` and `verify-full` need one; `verify-full` compares the name also. Files are
 * read for each connection, because certificates are renewed.
 *
 * @throws UrlError where a file cannot be used
 */
export function tlsOptionsOf(tls: Tls, name: string): ConnectionOptions {
  const ca = rootsOf(tls);
  const crl = ca === undefined ? undefined : optional('sslcrl', tls.crl, 'root.crl');
  const cert = optional('sslcert', tls.cert, 'postgresql.crt');
  const key = cert === undefined ? undefined : keyOf(tls);
  return {
    ...(ca instanceof Buffer ? { ca } : {}),
    ...(crl === undefined ? {} : { crl }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(tls.keyPassword === undefined ? {} : { passphrase: tls.keyPassword }),
    ...(tls.minVersion === undefined ? {} : { minVersion: tls.minVersion }),
    ...(tls.maxVersion === undefined ? {} : { maxVersion: tls.maxVersion }),
    ...(isIP(name) === 0 ? { servername: name } : {}),
    rejectUnauthorized: ca !== undefined,
    checkServerIdentity: (_, certificate) => (tls.mode === 'verify-full' ? mismatch(name, certificate) : undefined),
  };
}

/** The root certificates; true for those of Node.js; undefined if certificates are not verified. */
function rootsOf({ mode, rootcert }: Tls): Buffer | true | undefined {
  if (rootcert === 'system') return systemRoots() ?? true;
  const roots = optional('sslrootcert', rootcert, 'root.crt');
  if (roots === undefined && mode.startsWith('verify')) {
    throw new UrlError(
      `sslmode=${mode} needs root certificates: set sslrootcert, or put them into ${defaultFile('root.crt')}`,
    );
  }
  return roots;
}

function keyOf({ key }: Tls): Buffer {
  const file = key ?? defaultFile('postgresql.key');
  const content = read('sslkey', file);
  const { mode, uid } = statSync(file);
  // As libpq: root may let a group read it.
  if ((mode & (uid === 0 ? 0o037 : 0o077)) !== 0) {
    throw new UrlError(
      `sslkey ${file}: permissions must be 0600 or less${uid === 0 ? ', or 0640 if root owns it' : ''}`,
    );
  }
  return content;
}

/** The content of the file that is named, which must exist, or of the default file if that exists. */
function optional(parameter: string, file: string | undefined, byDefault: string): Buffer | undefined {
  if (file !== undefined) return read(parameter, file);
  return existsSync(defaultFile(byDefault)) ? read(parameter, defaultFile(byDefault)) : undefined;
}

function defaultFile(name: string): string {
  return join(homedir(), '.postgresql', name);
}

function read(parameter: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UrlError(`${parameter}: ${messageOf(error)}`);
  }
}

/**
 * As libpq compares names: a wildcard stands for one whole label; the common name counts only if the certificate has no
 * alternative name of the host's kind; an address may also be written as a DNS name.
 */
function mismatch(name: string, { raw }: PeerCertificate): Error | undefined {
  const certificate = new X509Certificate(raw);
  const strict = { partialWildcards: false, multiLabelWildcards: false, singleLabelSubdomains: false } as const;
  const matches =
    isIP(name) === 0
      ? certificate.checkHost(name, { ...strict, subject: 'default' })
      : certificate.checkIP(name) ||
        certificate.checkHost(name, {
          ...strict,
          wildcards: false,
          subject: /(^|, )IP Address:/.test(certificate.subjectAltName ?? '') ? 'never' : 'always',
        });
  return matches ? undefined : new Error(`the server's certificate is not for host name "${name}"`);
}
