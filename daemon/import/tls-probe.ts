import net from 'node:net';

/** PostgreSQL's SSLRequest: its length and the request code. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

const TIMEOUT_MS = 3_000;

/** Whether a PostgreSQL server offers TLS; undefined if it cannot be asked. Sends nothing but the SSLRequest. */
export function offersTls(host: string, port: number): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    const answer = (offered: boolean | undefined) => {
      socket.destroy();
      resolve(offered);
    };
    socket.setTimeout(TIMEOUT_MS, () => answer(undefined));
    socket.once('error', () => answer(undefined));
    socket.once('end', () => answer(undefined));
    socket.once('connect', () => socket.write(SSL_REQUEST));
    socket.once('data', (octets) => answer(octets[0] === 0x53 ? true : octets[0] === 0x4e ? false : undefined));
  });
}
