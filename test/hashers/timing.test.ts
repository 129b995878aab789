import { createHash } from 'node:crypto';
import t from 'tap';
import { encodePbkdf2, type Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

/*
 * A stranger with a stopwatch. Each round asks one question of every kind, with a password never asked about before,
 * in an order that changes, and so does who comes after whom; so whatever disturbs the machine disturbs all kinds alike.
 *
 * The measure is the chance that a question of one kind took longer than one about nobody (the area under the ROC
 * curve, which is the Mann-Whitney statistic). 0.5 tells nothing. Of 150 samples against the 450 about nobodies its
 * standard deviation is 0.027 where there is no difference: 0.15 is five and a half of them. Without the padding the
 * cheap accounts stand below 0.05.
 *
 * What goes on around a hash is not the same octet for octet. Against a hash of a few milliseconds a busy machine makes a
 * difference of that; Django's own take ten times as long as these.
 *
 * Other work on the machine comes in bursts and makes samples depend on each other, so a kind that stands out is
 * measured anew: what tells a stranger something does so each time.
 */
const ROUNDS = 150;
const ADVANTAGE_MAX = 0.15;
const TRIALS = 3;

const dear = (password: string) => encodePbkdf2(password, { iterations: 60_000 });
const md5 = (password: string) => `md5$seasalt$${createHash('md5').update(`seasalt${password}`).digest('hex')}`;

const PEOPLE: Person[] = [
  { username: 'prevailing', encoded: dear('secret') },
  { username: 'cheap', encoded: encodePbkdf2('secret', { iterations: 100 }) },
  { username: 'md5', encoded: md5('secret') },
  { username: 'inactive', encoded: dear('secret'), isActive: false },
  { username: 'unusable', encoded: '!unusable' },
  { username: 'malformed', encoded: 'pbkdf2_sha256$many$salt$hash' },
  { username: 'unknown-algorithm', encoded: 'rot13$salt$frperg' },
  // A right password can be asked about cold only once, so it takes somebody new each time.
  ...Array.from({ length: TRIALS * ROUNDS }, (_, i) => ({
    username: `right ${i}`,
    encoded: encodePbkdf2('secret', { iterations: 100 }),
  })),
  ...Array.from({ length: 20 }, (_, i) => ({ username: `other ${i}`, encoded: dear(`other ${i}`) })),
];

function advantage(some: number[], others: number[]): number {
  let greater = 0;
  for (const a of some) for (const b of others) greater += a > b ? 1 : a === b ? 0.5 : 0;
  return greater / (some.length * others.length);
}

function median(of: number[]): number {
  return [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)] as number;
}

t.test('time tells a stranger nothing', async (t) => {
  const { client } = await createWorld(t, PEOPLE, { config: '[hash]\nworkers = 1' });
  const nobodies = ['nobody', 'nobody-else', 'nobody-more'];
  const kinds = [...PEOPLE.slice(0, 7).map(({ username }) => username), 'right', ...nobodies];
  const ask = async (kind: string, password: string) => {
    const startedAt = performance.now();
    const { status } = await client.check(kind, password, { require: { staff: true } });
    if (status !== 1 && status !== 2) t.fail(`${kind}: status ${status}`);
    return performance.now() - startedAt;
  };
  for (const kind of kinds) await ask(kind, 'warm-up');

  let suspects = kinds;
  for (let trial = 0; trial < TRIALS && suspects.length > 0; trial++) {
    const times = new Map<string, number[]>(kinds.map((kind) => [kind, []]));
    for (let round = trial * ROUNDS; round < (trial + 1) * ROUNDS; round++) {
      await client.authorize(`right ${round}`); // the others' accounts have been read before
      const step = 1 + (round % (kinds.length - 1)); // 11 is a prime: any step comes by all
      for (let i = 0; i < kinds.length; i++) {
        const kind = kinds[(i * step + round) % kinds.length] as string;
        const ms = kind === 'right' ? await ask(`right ${round}`, 'secret') : await ask(kind, `guess ${round}`);
        times.get(kind)?.push(ms);
      }
    }
    const nobody = nobodies.flatMap((kind) => times.get(kind) as number[]);
    t.comment(`nobody: median ${median(nobody).toFixed(2)} ms`);
    suspects = suspects.filter((kind) => {
      const list = times.get(kind) as number[];
      const chance = advantage(list, nobody);
      t.comment(`${kind}: median ${median(list).toFixed(2)} ms, longer than nobody with chance ${chance.toFixed(3)}`);
      return Math.abs(chance - 0.5) >= ADVANTAGE_MAX;
    });
  }
  for (const kind of kinds) t.notOk(suspects.includes(kind), `${kind} looks like nobody`);
});
