import { existsSync, readFileSync } from 'node:fs';

/** Debian's file with the root certificates of the system, which OpenSSL uses by default there. */
const FILE = '/etc/ssl/certs/ca-certificates.crt';

/** The root certificates of the system; undefined if it has none, for which Node.js uses its own. */
export function systemRoots(): Buffer | undefined {
  const file = process.env.SSL_CERT_FILE || FILE;
  return existsSync(file) ? readFileSync(file) : undefined;
}
