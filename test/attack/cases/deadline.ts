import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../fixtures/client.ts';
import { attackBy, tell } from '../attacker.ts';
import type { Attack, Row } from '../case.ts';
import { quantile } from '../measure.ts';
import { PASSWORD, type Stage } from '../stage.ts';

const DEADLINE_MS = 500;

/** What the way of an answer through a busy machine may take besides, in ms. */
const SLACK_MS = 200;

/** Questions with a short deadline, about all kinds of users, while the daemon is sprayed: each is answered in time. */
async function deadlines(stage: Stage): Promise<Row> {
  const daemon = await stage.daemon();
  const attacker = await attackBy([
    // Not so many that the queue is full: it is long, and everybody waits.
    { kind: 'guess', socket: daemon.socket, sources: 'forged', inFlight: 120, rate: 2_000 },
  ]);
  const client = await connect(daemon.socket);
  const startedAt = performance.now();
  await sleep(stage.seconds(3, 1) * 1000);
  const times: number[] = [];
  const asked: Promise<void>[] = [];
  let wrong = 0;
  const one = async (number: number) => {
    const askedAt = performance.now();
    const right = number % 2 === 0;
    const answer = await Promise.race([
      client.check(right ? stage.newcomer() : `nobody-${number}`, right ? PASSWORD : `guess ${number}`, {
        client: { address: `203.0.113.${number % 250}`, service: 'apache' },
        deadline_ms: DEADLINE_MS,
      }),
      sleep(10_000, undefined, { ref: false }),
    ]);
    if (answer === undefined) return;
    times.push(performance.now() - askedAt);
    if (right ? answer.status === 1 || answer.status === 2 : answer.status === 0) wrong++;
  };
  const count = stage.short ? 10 : 60;
  for (let i = 0; i < count; i++) {
    asked.push(one(i));
    await sleep(150);
  }
  await Promise.all(asked);
  const loot = await attacker.stop();
  client.close();
  await daemon.stop();
  const late = times.filter((each) => each > DEADLINE_MS + SLACK_MS).length;
  return {
    attack: `questions with a deadline of ${DEADLINE_MS} ms under a spray`,
    wrong: wrong + (loot.counts[0] ?? 0),
    aims: [
      { what: 'never answered', value: count - times.length, most: 0 },
      { what: 'answered late', value: late, most: 0, timed: true },
    ],
    note:
      `${count} questions, p50 ${quantile(times, 0.5).toFixed(0)} ms, last ${Math.max(...times).toFixed(0)} ms; ` +
      tell(loot, (performance.now() - startedAt) / 1000),
  };
}

export const deadline: Attack = { name: 'deadline', short: true, run: async (stage) => [await deadlines(stage)] };
