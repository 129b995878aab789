import { mkdirSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { waitFor } from '../../fixtures/daemon.ts';
import { end, start } from '../processes.ts';
import type { Stage } from '../stage.ts';
import type { Peer } from './peer.ts';
import type { World } from './world.ts';

/** saslauthd with its cache, as Debian starts it (`-c`), in front of an IMAP server that knows the truth. */
export const saslauthd: Peer = {
  server: 'saslauthd `-c`, rimap',
  setting: '`-t` 28800 s, default',
  keeps: 28_800,
  async open(stage, world, keeps) {
    const port = await imapServer(stage, world);
    const directory = join(stage.directory, `sasl${keeps ?? ''}`);
    mkdirSync(directory);
    // In a process group of its own: when it stops, it signals its whole group.
    const server = start(
      'setpriv',
      [
        ...[
          '--pdeathsig',
          'TERM',
          'saslauthd',
          '-d',
          '-a',
          'rimap',
          '-O',
          `127.0.0.1/${port}`,
          '-m',
          directory,
          '-n',
          '1',
          '-c',
        ],
        ...(keeps === undefined ? [] : ['-t', String(keeps)]),
      ],
      { stdio: 'ignore', detached: true },
    );
    stage.atEnd(() => end(server));
    const socket = join(directory, 'mux');
    const enter = (username: string, password: string) => ask(socket, [username, password, 'imap', '']);
    await waitFor(
      () =>
        enter('nobody', 'nothing').then(
          () => true,
          () => server.exitCode !== null,
        ),
      10_000,
    );
    return { enter };
  },
};

/** saslauthd's protocol: four strings, each behind its length in two octets; one such string is the answer. */
function ask(path: string, fields: readonly string[]): Promise<boolean> {
  const question = Buffer.concat(
    fields.map((field) => {
      const octets = Buffer.from(field);
      return Buffer.concat([Buffer.from([octets.length >> 8, octets.length & 255]), octets]);
    }),
  );
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const socket = net.connect(path, () => socket.write(question));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
    });
    socket.on('error', reject);
    socket.on('close', () => {
      const word = answer.subarray(2, 4).toString();
      if (word === 'OK' || word === 'NO') resolve(word === 'OK');
      else reject(new Error(`saslauthd answers ${JSON.stringify(answer.toString('latin1'))}`));
    });
  });
}

/** The three commands of IMAP that saslauthd sends. @returns its port on 127.0.0.1 */
async function imapServer(stage: Stage, world: World): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write('* OK ready\r\n');
    const lines = createInterface({ input: socket });
    lines.on('error', () => lines.close());
    lines.on('line', (line) => {
      const [, tag, command, rest = ''] = /^(\S+) (\S+) ?(.*)$/.exec(line) ?? [];
      if (command === 'LOGIN') {
        const [, username = '', password = ''] = /^"?([^"]*?)"? "([^"]*)"$/.exec(rest) ?? [];
        socket.write(`${tag} ${world.right(username, password) ? 'OK' : 'NO'} done\r\n`);
      } else {
        socket.end(`${command === 'LOGOUT' ? '* BYE\r\n' : ''}${tag} OK done\r\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.atEnd(async () => {
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}
