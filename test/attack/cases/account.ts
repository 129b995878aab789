import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../fixtures/client.ts';
import { createSite, encodePbkdf2 } from '../../fixtures/site.ts';
import { attackBy } from '../attacker.ts';
import type { Attack, Row } from '../case.ts';
import { arrive, askOnce } from '../honest.ts';
import { aucDeviation, told } from '../measure.ts';
import { PASSWORD, type Stage } from '../stage.ts';
import { assault } from './spray.ts';

/** One who has an account guesses at it, from where it logs in: 320 wrong passwords at once. */
const ownAccount: Attack = {
  name: 'own-account',
  short: true,
  run: async (stage) => {
    const address = '198.18.7.7';
    const client = { address, service: 'apache' };
    const row = await assault(
      stage,
      'an account holder guesses at the own account, 320 in flight',
      (socket) => [{ kind: 'guess', socket, username: 'user3', sources: 'one', address, inFlight: 320, rate: 2_000 }],
      // As holder of a proof first.
      { before: async (socket) => void (await arrive(() => askOnce(socket, 'user3', PASSWORD, { client }))) },
    );
    return [row];
  },
};

/** The cost of a hash where many have to be computed, in iterations. */
const CHEAP = 15_000;

/**
 * Who has logged in lately? Asks with a wrong password, from the address of each user, while others ask too. Half of them
 * have logged in. What an attacker sees is the time and whether the answer was `busy`.
 */
async function lanes(stage: Stage): Promise<Row> {
  const each = stage.short ? 40 : 400;
  const site = createSite(join(stage.directory, `lanes.sqlite3`), [], { wal: true });
  const encoded = encodePbkdf2(PASSWORD, { iterations: CHEAP });
  const insert = site.database.prepare(
    `INSERT INTO auth_user (username, password, is_superuser, first_name, last_name, email, is_staff, is_active, date_joined)
     VALUES (?, ?, 0, '', '', '', 0, 1, '2026-01-01')`,
  );
  site.database.exec('BEGIN');
  for (let i = 0; i < 2 * each; i++) insert.run(`person${i}`, encoded);
  site.database.exec('COMMIT');
  const daemon = await stage.daemon({ url: site.url });
  const addressOf = (number: number) => `10.9.${number >> 8}.${number & 0xff}`;
  const client = await connect(daemon.socket);
  const ask = (number: number, password: string) =>
    client.check(`person${number}`, password, {
      client: { address: addressOf(number), service: 'apache' },
      deadline_ms: 5_000,
    });
  try {
    let wrong = 0;
    for (let i = 0; i < 2 * each; i += 2) {
      const arrival = await arrive(() => ask(i, PASSWORD));
      if (!arrival.granted) throw new Error(`person${i} is not in`);
    }
    // Enough guesses to have a queue, not so many that it is full.
    const attacker = await attackBy([
      { kind: 'guess', socket: daemon.socket, sources: 'many', inFlight: 16, rate: 2_000 },
    ]);
    await sleep(500);
    const times: [number[], number[]] = [[], []];
    const busy: [number[], number[]] = [[], []];
    for (let i = 0; i < 2 * each; i++) {
      // In an order that has nothing to do with who logged in.
      const number = (i * 7919) % (2 * each);
      const askedAt = performance.now();
      const { status } = await ask(number, `guess ${i}`);
      times[number % 2 ? 1 : 0].push(performance.now() - askedAt);
      busy[number % 2 ? 1 : 0].push(status === 3 ? 1 : 0);
      if (status === 0) wrong++;
    }
    await attacker.stop();
    const median = (list: number[]) => [...list].sort((a, b) => a - b)[list.length >> 1] as number;
    const advantage = Math.max(told(...times), told(...busy));
    return {
      attack: 'who has logged in lately? Wrong passwords, while others ask',
      wrong,
      aims: [
        {
          what: 'AUC',
          value: advantage,
          // What chance alone does not exceed with so many samples.
          most: 0.55 + 2 * aucDeviation(each, each),
          timed: stage.short,
        },
      ],
      note: `${each} samples each; medians ${median(times[0]).toFixed(1)} and ${median(times[1]).toFixed(1)} ms`,
    };
  } finally {
    client.close();
    await daemon.stop();
    site.close();
  }
}

export const accounts: readonly Attack[] = [
  ownAccount,
  { name: 'who-logged-in', run: async (stage) => [await lanes(stage)] },
];
