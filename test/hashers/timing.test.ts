import { createHash } from 'node:crypto';
import t from 'tap';
import { encodePbkdf2, type Person } from '../fixtures/site.ts';
import { createWorld } from '../fixtures/world.ts';

/*
 * What an attacker with a stopwatch can measure. Each round asks one question of every kind, with a new password and in a
 * changing order: anything that disturbs the machine disturbs all kinds alike.
 *
 * The measure is the probability that a question of one kind takes longer than one about an unknown user (the area under
 * the ROC curve, which is the Mann-Whitney statistic). 0.5 reveals nothing. With 150 samples against 450 about unknown
 * users its standard deviation is 0.027 if there is no difference: 0.15 is five and a half of them. Without the padding
 * the cheap accounts are below 0.05.
 *
 * The work around a hash is not exactly the same. With a hash of a few milliseconds a busy machine turns that into a
 * measurable difference; Django's own hashes take ten times as long as these.
 *
 * Other work on the machine comes in bursts and makes samples depend on each other, so a kind that stands out is
 * measured again: a real difference shows each time.
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
  // A right password has no proof only once, so each round takes another user.
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

t.test('the time of an answer does not depend on the account', async (t) => {
  const { client } = await createWorld(t, PEOPLE, {
    config: 'hashers = ["pbkdf2_sha256", "md5"]\n[hash]\nworkers = 1\n[throttle]\nenabled = false',
  });
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
      await client.authorize(`right ${round}`); // the other accounts have been read before
      const step = 1 + (round % (kinds.length - 1)); // 11 is a prime: each step visits all kinds
      for (let i = 0; i < kinds.length; i++) {
        const kind = kinds[(i * step + round) % kinds.length] as string;
        const ms = kind === 'right' ? await ask(`right ${round}`, 'secret') : await ask(kind, `guess ${round}`);
        times.get(kind)?.push(ms);
      }
    }
    const nobody = nobodies.flatMap((kind) => times.get(kind) as number[]);
    t.comment(`unknown user: median ${median(nobody).toFixed(2)} ms`);
    suspects = suspects.filter((kind) => {
      const list = times.get(kind) as number[];
      const chance = advantage(list, nobody);
      t.comment(
        `${kind}: median ${median(list).toFixed(2)} ms, longer than an unknown user with probability ${chance.toFixed(3)}`,
      );
      return Math.abs(chance - 0.5) >= ADVANTAGE_MAX;
    });
  }
  for (const kind of kinds) t.notOk(suspects.includes(kind), `${kind} takes as long as an unknown user`);
});
