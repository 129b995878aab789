import t from 'tap';
import type { Account } from '../../daemon/account/account.ts';
import { createVerifiers } from '../../daemon/evidence/kinds.ts';
import { bcrypt } from '../../daemon/hasher/bcrypt.ts';
import { hasherOf } from '../../daemon/hasher/hashers.ts';
import type { HashPool, Job } from '../../daemon/hasher/pool.ts';
import { Password } from '../../daemon/password.ts';
import { Greylist } from '../../daemon/proof/greylist.ts';
import { PasswordProofs } from '../../daemon/proof/password-proofs.ts';
import { ProofCache } from '../../daemon/proof/proof-cache.ts';
import { Returning } from '../../daemon/proof/returning.ts';
import { admitAll } from '../../daemon/request/admission.ts';
import { Deadlines } from '../../daemon/request/deadlines.ts';
import { decide, type Pipeline } from '../../daemon/request/decide.ts';
import type { Question } from '../../daemon/request/question.ts';
import { Site, type SiteOptions } from '../../daemon/site/site.ts';
import { NO_RIGHTS } from '../../daemon/store/rights.ts';
import { STOCK } from '../../daemon/store/schema.ts';
import type { Store } from '../../daemon/store/store.ts';
import { hashPolicy } from '../fixtures/hash-policy.ts';

/*
 * What an attacker with a stopwatch could measure, counted instead of timed: the work of the hash workers for each kind
 * of account, the proofs, and the lanes.
 */
const pbkdf2 = (iterations: number) => `pbkdf2_sha256$${iterations}$salt$${Buffer.alloc(32).toString('base64')}`;
const bcryptOf = (rounds: string) => `bcrypt$$2b$${rounds}$${'a'.repeat(21)}.${'a'.repeat(31)}`;
const scrypt = (p: number) => `scrypt$1024$salt$8$${p}$${Buffer.alloc(64).toString('base64')}`;
const ENCODED: Record<string, string | null> = {
  prevailing: pbkdf2(600_000),
  dear: pbkdf2(1_000_000),
  cheap: pbkdf2(1000),
  md5: 'md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3',
  crypt: 'crypt$$ab1Hv2Lg7ltQo',
  'bcrypt 12': bcryptOf('12'),
  'bcrypt 10': bcryptOf('10'),
  'scrypt 5': scrypt(5),
  'scrypt 1': scrypt(1),
  unusable: '!',
  empty: '',
  null: null,
  malformed: 'pbkdf2_sha256$many$salt$hash',
  'unknown algorithm': 'rot13$salt$frperg',
};
const RIGHT = 'right';

interface Stage {
  readonly jobs: Job[];
  readonly clock: { time: number; now(): number };
  /** The verdict, and whether it came from a proof. */
  ask(username: string, password: string, more?: Partial<Question>): Promise<{ kind: string; cached: boolean }>;
}

/** The pipeline with a store in memory and workers that only count. Every password is "right". */
function stage(sampled: string[], options: Partial<SiteOptions> = {}): Stage {
  const clock = { time: 1_000, now: () => clock.time };
  const jobs: Job[] = [];
  const pool = {
    verify: async (password: Password, job: Job) => {
      jobs.push(job);
      return password.octets.toString() === RIGHT;
    },
  } as unknown as HashPool;
  const store: Store = {
    name: 'memory',
    accountById: async () => null,
    accountByName: async (username) =>
      username in ENCODED
        ? ({ id: username, username, encoded: ENCODED[username], active: true, staff: false } as unknown as Account)
        : null,
    sample: async () => ({ encoded: sampled, last: undefined }),
    memberships: async () => undefined,
    rights: async () => NO_RIGHTS,
    close: async () => {},
  };
  const site = new Site({
    name: 'site',
    store,
    schema: STOCK,
    policy: hashPolicy(),
    accountTtlMs: 0,
    accountsMax: 100,
    clock,
    ...options,
  });
  const proofs = new ProofCache({ rights: 100, rightTtlMs: 10_000_000, wrongs: 100, wrongTtlMs: 1_000_000, clock });
  const returning = new Returning({ max: 100, proofTtlMs: 10_000_000, clock });
  const greylist = new Greylist({ clock, max: 100 });
  const pipeline: Pipeline = {
    sites: new Map([['site', site]]),
    verifiers: createVerifiers(new PasswordProofs({ proofs, returning, greylist, pool })),
    admission: admitAll,
    deadlines: new Deadlines({ clock }),
    leasing: { maxMs: 0, epoch: { value: 0n } },
  };
  return {
    jobs,
    clock,
    async ask(username, password, more = {}) {
      const question: Question = {
        site: 'site',
        username,
        evidence: { kind: 'password', secret: Password.fromTyped(Buffer.from(password)) },
        tooLong: false,
        requirements: { staff: false, superuser: false, permissions: [], groups: [] },
        client: { address: '', service: '' },
        deadlineAt: Number.POSITIVE_INFINITY,
        wantPermissions: false,
        lease: false,
        leased: 0,
        ...more,
      };
      const { verdict, source } = await decide(question, pipeline);
      return { kind: verdict.kind, cached: source === 'cached' };
    },
  };
}

const STAFF = { requirements: { staff: true, superuser: false, permissions: [], groups: [] } };

/** The work of a job by algorithm: iterations, 2^rounds, p; for others the number of hashes. */
function workOf({ encoded, padding = [] }: Job): Record<string, number> {
  const work: Record<string, number> = {};
  for (const each of [encoded, ...padding]) {
    const algorithm = hasherOf(each)?.algorithm ?? 'none';
    const fields = each.split('$');
    const amounts: Record<string, number> = {
      pbkdf2_sha256: Number(fields[1]),
      bcrypt: 2 ** Number(fields[3]),
      scrypt: Number(fields[4]),
    };
    work[algorithm] = (work[algorithm] ?? 0) + (amounts[algorithm] ?? 1);
  }
  return work;
}

t.test('every question without a proof is the same work', async (t) => {
  const kinds = [...Object.keys(ENCODED), 'nobody', 'NUL\0'];
  const { jobs, ask } = stage(Object.values(ENCODED).filter((encoded) => encoded !== null));
  const goal = { pbkdf2_sha256: 1_000_000, bcrypt: 2 ** 12, scrypt: 5, crypt: 1 };
  for (const kind of kinds) {
    t.equal((await ask(kind, 'wrong')).kind, 'denied');
    t.match(workOf(jobs.pop() as Job), goal, `${JSON.stringify(kind)}: wrong`);
    t.equal((await ask(kind, RIGHT, STAFF)).kind, 'denied');
    t.match(workOf(jobs.pop() as Job), goal, `${JSON.stringify(kind)}: right, but denied for another reason`);
    t.equal(jobs.length, 0, 'one job per question');
  }

  const { jobs: refused, ask: askStrict } = stage([pbkdf2(1000), bcryptOf('10')], {
    policy: hashPolicy({ bcryptLong: 'refuse' }),
  });
  t.equal((await askStrict('bcrypt 10', 'x'.repeat(73))).kind, 'denied');
  t.equal((await askStrict('bcrypt 10', 'x'.repeat(72))).kind, 'denied');
  t.same(workOf(refused[0] as Job), workOf(refused[1] as Job), 'a password that bcrypt refuses costs the same work');
  t.not(refused[0]?.encoded, ENCODED['bcrypt 10']);
  t.equal(hasherOf(refused[1]?.encoded as string), bcrypt);
});

t.test('proofs do not reveal which accounts exist', async (t) => {
  const { clock, ask } = stage([pbkdf2(600_000)]);
  const kinds = ['prevailing', 'md5', 'unusable', 'malformed', 'nobody'];
  for (const kind of kinds) t.equal((await ask(kind, 'wrong')).cached, false, kind);
  clock.time += 700_000; // the decoys are made again in between
  for (const kind of [...kinds, ...kinds]) t.equal((await ask(kind, 'wrong')).cached, true, kind);
  clock.time += 400_000;
  for (const kind of kinds) t.equal((await ask(kind, 'wrong')).cached, false, kind);
});

t.test('the proof of a right password that granted nobody expires like that of a wrong one', async (t) => {
  const { clock, ask } = stage([pbkdf2(600_000)]);
  t.equal((await ask('prevailing', RIGHT, STAFF)).kind, 'denied');
  t.equal((await ask('prevailing', RIGHT, STAFF)).cached, true);
  clock.time += 1_100_000;
  t.equal((await ask('prevailing', RIGHT, STAFF)).cached, false);
  t.same(await ask('prevailing', RIGHT), { kind: 'granted', cached: true });
  clock.time += 1_100_000;
  t.same(await ask('prevailing', RIGHT), { kind: 'granted', cached: true }, 'the proof of a grant is kept for long');
});

t.test('users who return with a granted password go first, and nobody who guesses', async (t) => {
  const { jobs, clock, ask } = stage([pbkdf2(600_000)]);
  const lane = async (username: string, password: string, more: Partial<Question> = {}) => {
    await ask(username, password, more);
    return jobs.pop()?.lane;
  };
  const from = (address: string) => ({ client: { address, service: '' } });
  t.equal(await lane('prevailing', RIGHT, from('192.0.2.1')), 'other');
  t.equal(await lane('prevailing', RIGHT), undefined, 'from the proof');
  for (const address of ['192.0.2.1', '192.0.2.66', '']) {
    t.equal(await lane('prevailing', `typo ${address}`, from(address)), 'other', 'a guess, wherever it comes from');
  }
  const encoded = ENCODED.prevailing as string;
  ENCODED.prevailing = pbkdf2(500_000);
  t.equal(await lane('prevailing', RIGHT, from('198.51.100.7')), 'returning', 'Django made the hash anew');
  ENCODED.prevailing = encoded;
  clock.time += 20_000_000;
  t.equal(await lane('prevailing', RIGHT), 'returning', 'the proof has expired');
  t.equal(await lane('cheap', RIGHT), 'other', 'another account');

  t.equal(await lane('md5', RIGHT, STAFF), 'other');
  clock.time += 2_000_000;
  t.equal(await lane('md5', RIGHT, STAFF), 'other', 'a right password that was denied makes no difference');
  t.equal(await lane('nobody', RIGHT), 'other');
  clock.time += 2_000_000;
  t.equal(await lane('nobody', RIGHT), 'other');
  clock.time += 30 * 86_400_000;
  t.equal(await lane('prevailing', RIGHT), 'other', 'not for ever');
});

t.test('a granted password that is denied by now goes first once', async (t) => {
  const { jobs, clock, ask } = stage([pbkdf2(600_000)]);
  const lane = async (more: Partial<Question> = {}) => {
    clock.time += 20_000_000; // no proof is left
    await ask('prevailing', RIGHT, more);
    return jobs.pop()?.lane;
  };
  t.equal(await lane(), 'other');
  t.equal(await lane(), 'returning');
  t.equal(await lane(STAFF), 'returning');
  t.equal(await lane(STAFF), 'other', 'the lane does not tell that it is right');
  t.equal(await lane(), 'other');
  t.equal(await lane(), 'returning');
});
