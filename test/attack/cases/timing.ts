import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../fixtures/client.ts';
import { createSite } from '../../fixtures/site.ts';
import type { Attack, Row } from '../case.ts';
import { aucDeviation, told } from '../measure.ts';
import type { Stage } from '../stage.ts';

/*
 * Who exists? The time of a denial, for accounts of many kinds, against that for names that nobody has. Nobody knows the
 * password of any of these hashes: a digest of the right length is enough.
 */

const base64 = (octets: number) => randomBytes(octets).toString('base64');
const salt = () => randomBytes(8).toString('hex');
const pbkdf2 = (iterations: number, algorithm = 'sha256') =>
  `pbkdf2_${algorithm}$${iterations}$${salt()}$${base64(algorithm === 'sha1' ? 20 : 32)}`;
const LETTERS = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const bcrypt64 = (length: number) => Array.from(randomBytes(length), (octet) => LETTERS[octet & 63]).join('');

/** Ten algorithms and costs. The usual one is the first. */
const KINDS: readonly { kind: string; accounts: number; encoded: () => string }[] = [
  { kind: 'usual', accounts: 600, encoded: () => pbkdf2(20_000) },
  { kind: 'middle', accounts: 500, encoded: () => pbkdf2(40_000) },
  { kind: 'older', accounts: 40, encoded: () => pbkdf2(10_000) },
  { kind: 'sha1', accounts: 40, encoded: () => pbkdf2(15_000, 'sha1') },
  { kind: 'md5', accounts: 40, encoded: () => `md5$${salt()}$${randomBytes(16).toString('hex')}` },
  { kind: 'salted-sha1', accounts: 40, encoded: () => `sha1$${salt()}$${randomBytes(20).toString('hex')}` },
  // The last octet of a bcrypt salt and digest has unused bits, which must be 0.
  { kind: 'fifth', accounts: 40, encoded: () => `bcrypt_sha256$$2b$06$${bcrypt64(21)}O${bcrypt64(30)}O` },
  { kind: 'scrypt', accounts: 40, encoded: () => `scrypt$1024$${salt()}$8$1$${base64(64)}` },
  { kind: 'rare-dear', accounts: 1, encoded: () => pbkdf2(120_000) },
  { kind: 'rare-cheap', accounts: 1, encoded: () => pbkdf2(1_000) },
];

const HASHERS = ['pbkdf2_sha256', 'pbkdf2_sha1', 'md5', 'sha1', 'bcrypt_sha256', 'scrypt'];

async function existence(stage: Stage): Promise<Row[]> {
  const each = stage.short ? 20 : 200;
  const site = createSite(join(stage.directory, `timing-${each}.sqlite3`), [], { wal: true });
  const insert = site.database.prepare(
    `INSERT INTO auth_user (username, password, is_superuser, first_name, last_name, email, is_staff, is_active, date_joined)
     VALUES (?, ?, 0, '', '', '', 0, 1, '2026-01-01')`,
  );
  const [usual, ...others] = KINDS;
  const first = usual?.encoded as () => string;
  site.database.exec('BEGIN');
  // A sample of both ends has only the usual ones.
  for (let i = 0; i < 300; i++) insert.run(`usual${i}`, first());
  for (const { kind, accounts, encoded } of others) {
    for (let i = 0; i < accounts; i++) insert.run(`${kind}${i}`, encoded());
  }
  for (let i = 300; i < 600; i++) insert.run(`usual${i}`, first());
  site.database.exec('COMMIT');
  const daemon = await stage.daemon({ url: site.url, site: `hashers = ${JSON.stringify(HASHERS)}` });
  const client = await connect(daemon.socket);
  let asked = 0;
  const ask = async (username: string, password: string): Promise<number> => {
    const number = asked++;
    const askedAt = performance.now();
    const { status } = await client.check(username, password, {
      client: { address: `10.${number >> 16}.${(number >> 8) & 0xff}.${number & 0xff}`, service: 'apache' },
    });
    if (status === 3) await sleep(200);
    if (status !== 1 && status !== 2 && status !== 3) throw new Error(`${username}: status ${status}`);
    return performance.now() - askedAt;
  };
  try {
    // The daemon learns costs from what it is asked, so what an attacker gains first is the interesting part.
    await sleep(500);
    const names = [...KINDS.map(({ kind }) => kind), 'nobody', 'noone'];
    const cold = new Map<string, number[]>(names.map((name) => [name, []]));
    const again = new Map<string, number[]>(names.map((name) => [name, []]));
    const order = names.map((_, i) => i);
    for (let round = 0; round < each; round++) {
      order.sort(() => Math.random() - 0.5);
      for (const at of order) {
        const kind = names[at] as string;
        const accounts = KINDS[at]?.accounts ?? Number.POSITIVE_INFINITY;
        cold.get(kind)?.push(await ask(`${kind}${round % accounts}`, `cold ${round}`));
      }
    }
    // The same questions again, when the accounts have to be read anew: every 1.2 s about all kinds.
    for (let round = 0; round < each; round += 10) {
      await sleep(1_200);
      for (let i = round; i < Math.min(each, round + 10); i++) {
        order.sort(() => Math.random() - 0.5);
        for (const at of order) {
          const kind = names[at] as string;
          const accounts = KINDS[at]?.accounts ?? Number.POSITIVE_INFINITY;
          again.get(kind)?.push(await ask(`${kind}${i % accounts}`, `cold ${i}`));
        }
      }
    }
    return [
      { attack: 'who exists? New wrong passwords', times: cold },
      { attack: 'who exists? The same questions when the accounts are read anew', times: again },
    ].map(({ attack, times }) => row(stage, attack, times, each));
  } finally {
    client.close();
    await daemon.stop();
    site.close();
  }
}

function row(stage: Stage, attack: string, times: Map<string, number[]>, each: number): Row {
  const nobody = times.get('nobody') as number[];
  // Names that nobody has against one another: what chance does here and now.
  const chance = told(times.get('noone') as number[], nobody);
  const advantages = KINDS.map(({ kind }) => ({ kind, value: told(times.get(kind) as number[], nobody) }));
  return {
    attack,
    wrong: 0,
    aims: [
      {
        what: 'highest AUC',
        value: Math.max(...advantages.map(({ value }) => value)),
        // The highest of ten by chance.
        most: 0.55 + 2.5 * aucDeviation(each, each),
        timed: stage.short,
      },
    ],
    note: `${each} samples each; ${advantages.map(({ kind, value }) => `${kind} ${value.toFixed(2)}`).join(', ')}; chance ${chance.toFixed(2)}`,
  };
}

export const timing: Attack = { name: 'who-exists', run: existence };
