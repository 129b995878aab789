import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import t from 'tap';
import { encodePbkdf2 } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

/** The niceness of each thread, as proc(5) has it in `stat`. */
function nicenesses(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  });
}

for (const { nice, behind } of [
  { nice: 0, behind: 5 },
  { nice: 10, behind: 15 },
  { nice: 19, behind: 19 },
]) {
  t.test(`hashing stands behind answering in a daemon of niceness ${nice}`, async (t) => {
    const { client, daemon } = await createWorld(t, [{ username: 'alice', encoded: encodePbkdf2('secret') }]);
    const pid = daemon.process.pid as number;
    setPriority(pid, nice); // what threads are begun from now on inherit it, as all do where a unit says Nice=
    t.equal((await client.check('alice', 'secret')).status, 0);
    t.equal(getPriority(pid), nice, 'who answers stays where it was');
    t.ok(nicenesses(pid).includes(behind), `${nicenesses(pid)}`);
    t.notMatch(daemon.log(), /worker/);
  });
}
