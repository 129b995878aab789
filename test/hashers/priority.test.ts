import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import t from 'tap';
import { encodePbkdf2 } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

/** The niceness of each thread, from `stat` in proc(5). */
function nicenesses(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  });
}

for (const { nice, hashing } of [
  { nice: 0, hashing: 5 },
  { nice: 10, hashing: 15 },
  { nice: 19, hashing: 19 },
]) {
  t.test(`hashing has a lower priority than answering in a daemon with niceness ${nice}`, async (t) => {
    const { client, daemon } = await createWorld(t, [{ username: 'alice', encoded: encodePbkdf2('secret') }]);
    const pid = daemon.process.pid as number;
    setPriority(pid, nice); // threads that start from now on inherit it, as all threads do if a unit sets Nice=
    t.equal((await client.check('alice', 'secret')).status, 0);
    t.equal(getPriority(pid), nice, 'the event loop keeps its priority');
    t.ok(nicenesses(pid).includes(hashing), `${nicenesses(pid)}`);
    t.notMatch(daemon.log(), /worker/);
  });
}
