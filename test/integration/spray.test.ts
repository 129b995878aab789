import net from 'node:net';
import t from 'tap';
import { encodeRequest } from '../../protocol/request.ts';
import { waitFor } from '../fixtures/daemon.ts';
import { createWorld } from '../fixtures/world.ts';

/** How many guesses are in flight, on how many connections. */
const IN_FLIGHT = 320;
const CONNECTIONS = 5;

const NEWCOMERS = Array.from({ length: 8 }, (_, i) => ({ username: `newcomer${i}`, password: `secret ${i}` }));
const PEOPLE = [{ username: 'alice', password: 'secret' }, { username: 'bob', password: 'secret' }, ...NEWCOMERS];

/** Without the throttle, which would refuse the guesses before they reach the lanes. */
const CONFIG = '[hash]\nworkers = 1\n[throttle]\nenabled = false';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

for (const [kind, attack] of Object.entries({
  'guesses at one name': () => ({ username: 'bob', client: {} }),
  'guesses at many names': (at: number) => ({ username: `user ${at}`, client: {} }),
  'guesses from many addresses': (at: number) => ({
    username: `user ${at % 100}`,
    client: { address: `192.0.2.${at % 250}` },
  }),
})) {
  t.test(`${kind}: a newcomer with the right password is in at the second try at the latest`, async (t) => {
    const { daemon, client, stats } = await createWorld(t, PEOPLE, { iterations: 300_000, config: CONFIG });
    t.equal((await client.check('alice', 'secret')).status, 0);
    const statuses = new Map<number, number>();
    let going = true;
    let guess = 0;
    const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => daemon.connect()));
    const spray = Array.from({ length: IN_FLIGHT }, async (_, i) => {
      while (going) {
        const at = guess++;
        const { username, client: from } = attack(at);
        const { status, content } = await (clients[i % CONNECTIONS] ?? client).check(username, `guess ${at}`, {
          client: from,
        });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        // As many as there can be without stopping the event loop of this process.
        if (status === 3) await sleep(Math.min(100, content.retry_after * 1000));
      }
    });
    await waitFor(() => (statuses.get(3) ?? 0) > IN_FLIGHT);
    const tries: number[] = [];
    for (const { username, password } of NEWCOMERS) {
      for (let count = 1; count <= 5; count++) {
        const { status } = await client.check(username, password, { client: { address: '198.51.100.1' } });
        if (status === 0) tries.push(count);
        else if (status !== 3) t.fail(`${username}: status ${status}`);
        if (status === 0) break;
        await sleep(200);
      }
    }
    t.equal((await client.check('alice', 'secret')).status, 0, 'whoever has a proof is not concerned');
    going = false;
    await Promise.all(spray);
    t.equal(tries.length, NEWCOMERS.length, 'all are in');
    t.ok(Math.max(...tries) <= 2, `${tries.join()} tries`);
    t.notOk(statuses.has(0), 'no guess is granted');
    t.notOk(statuses.has(4), 'nor a fault');
    t.ok((await stats()).hashes_queued !== undefined);
    for (const each of clients) each.close();
  });
}

t.test('a question is answered by its deadline', async (t) => {
  const { client, site } = await createWorld(t, PEOPLE, { iterations: 2_000_000, config: CONFIG });
  const spray = Array.from({ length: 20 }, (_, i) => client.check(`user ${i}`, 'guess', { deadline_ms: 60_000 }));
  const asked = Array.from({ length: 20 }, (_, i) => client.check('bob', `guess ${i}`, { deadline_ms: 50 }));
  const first = await Promise.race([Promise.all(asked), Promise.all(spray).then(() => [])]);
  t.ok(first.length > 0 && first.every(({ status }) => status === 3), 'before what was asked before them is done');
  await Promise.all(spray);
  site.database.exec('BEGIN EXCLUSIVE');
  const locked = client.check('alice', 'secret', { deadline_ms: 300 });
  const { status, content } = await locked;
  t.ok(status === 3 || status === 4, `${status} ${content.reason}`);
  site.database.exec('COMMIT');
});

t.test('a client that is gone takes its questions with it', async (t) => {
  const { daemon, client, stats } = await createWorld(t, PEOPLE, { iterations: 1_000_000, config: `${CONFIG}` });
  const hashes = async () => (await stats()).hashes ?? 0;
  await client.check('bob', 'first');
  const before = await hashes();
  const leaver = await daemon.connect();
  const guesses = Array.from({ length: 8 }, (_, i) => leaver.check(`user ${i}`, 'guess').catch(() => {}));
  await waitFor(async () => ((await stats()).hashes_queued ?? 0) >= 4);
  leaver.close();
  await Promise.all(guesses);
  await waitFor(async () => (await stats()).hashes_queued === 0);
  await client.check('bob', 'next');
  t.ok((await hashes()) - before <= 4, 'what waited is not computed');
  await waitFor(() => daemon.lines().some(({ reason }) => reason === 'abandoned'));

  const half = net.connect({ path: daemon.socket, allowHalfOpen: true });
  half.end(encodeRequest(1, 'check', { username: Buffer.from('alice'), password: Buffer.from('secret') }));
  const replies: Buffer[] = [];
  for await (const chunk of half) replies.push(chunk);
  t.ok(Buffer.concat(replies).includes('alice'), 'one that has only ended its side gets its answer');
});
