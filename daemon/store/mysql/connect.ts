import { promisify } from 'node:util';
import { type Connection, type ConnectionOptions, createConnection } from 'mysql2';
import { authPluginsFor, explain } from './auth-plugins.ts';
import { read, type Settings, type Tls, tlsOptionsOf } from './url.ts';

/**
 * Connects as a URL says. With `ssl-mode=preferred`, a server that offers no TLS is used without.
 *
 * @param options more options of the driver
 * @param signal closes what is open and ends the attempt
 */
export async function connect(
  settings: Settings,
  options: ConnectionOptions,
  signal?: AbortSignal,
): Promise<Connection> {
  const { ssl } = settings;
  try {
    return await open(settings, ssl, options, signal);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (ssl?.mode !== 'preferred' || code !== 'HANDSHAKE_NO_SSL_SUPPORT') throw explain(error);
  }
  try {
    return await open(settings, undefined, options, signal);
  } catch (error) {
    throw explain(error);
  }
}

async function open(
  { ssl: _, prepare: __, serverPublicKey: keyFile, ...settings }: Settings,
  tls: Tls | undefined,
  options: ConnectionOptions,
  signal: AbortSignal | undefined,
): Promise<Connection> {
  signal?.throwIfAborted();
  const isPrivate = tls !== undefined || settings.socketPath !== undefined;
  const serverPublicKey = keyFile === undefined ? undefined : read('server-public-key-path', keyFile);
  const connection = createConnection({
    ...settings,
    ...(tls === undefined ? {} : { ssl: tlsOptionsOf(tls) }),
    authPlugins: authPluginsFor({ isPrivate, serverPublicKey }),
    flags: ['-LOCAL_FILES'],
    ...options,
  });
  const abort = () => destroy(connection);
  signal?.addEventListener('abort', abort);
  connection.on('error', () => {}); // connect() reports it
  try {
    await promisify((done: (error: Error | null) => void) => connection.connect(done))();
    return connection;
  } catch (error) {
    destroy(connection);
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** Closes at once: the driver's own way waits for the server, which may never answer. */
export function destroy(connection: Connection): void {
  connection.destroy();
  (connection as unknown as { stream?: { destroy(): void } }).stream?.destroy();
}
