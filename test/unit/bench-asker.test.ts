import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Asker } from '../bench/revocation/asker.ts';

t.test('a connection that the server closes while nothing is asked', async (t) => {
  const server = http.createServer((_, response) => response.end('in'));
  t.teardown(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const asker = new Asker(port);
  t.teardown(() => asker.close());
  t.equal(await asker.status('/', 'Basic eDp5'), 200);
  server.closeAllConnections();
  await sleep(50);
  const again = await Promise.race([asker.status('/', 'Basic eDp5'), sleep(5_000, 'nothing')]);
  t.equal(again, 200, 'it asks on another one');
});
