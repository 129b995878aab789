import type { Socket } from 'node:net';
import type pg from 'pg';

/** The driver's connection, as far as it is touched here. */
interface DriverConnection {
  attachListeners(stream: Socket): void;
}

type Listener = (...values: unknown[]) => void;

/** Methods of authentication that the driver does not know, by the number in the protocol. */
const METHODS: Readonly<Record<string, string>> = { 2: 'Kerberos', 6: 'SCM credentials', 7: 'GSSAPI', 9: 'SSPI' };

/**
 * The driver's parser throws within an event handler at what it does not know, which would end the daemon: a server may
 * demand a method of authentication that the driver lacks, or be no PostgreSQL server. Such an error ends the connection
 * instead, and whoever waits for it is told.
 */
export function guard(client: pg.Client): void {
  const { connection } = client as unknown as { connection: DriverConnection };
  const attach = connection.attachListeners;
  connection.attachListeners = (stream) => {
    const on = stream.on as (event: string, listener: Listener) => Socket;
    stream.on = ((event: string, listener: Listener) =>
      on.call(stream, event, event === 'data' ? guarded(stream, listener) : listener)) as Socket['on'];
    try {
      attach.call(connection, stream);
    } finally {
      stream.on = on as Socket['on'];
    }
  };
}

function guarded(stream: Socket, listener: Listener): Listener {
  return (...values) => {
    if (stream.destroyed) return;
    try {
      listener(...values);
    } catch (error) {
      stream.destroy(explained(error));
    }
  };
}

function explained(error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  const code = /^Unknown authenticationOk message type (\d+)/.exec(message)?.[1];
  if (code === undefined) return new Error(`invalid answer from the server: ${message}`);
  const method = METHODS[code] ?? `method ${code}`;
  return new Error(
    `the server demands authentication by ${method}, which is not supported: ` +
      'let pg_hba.conf demand scram-sha-256, or a client certificate, of this role',
  );
}
