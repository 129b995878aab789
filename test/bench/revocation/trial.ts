import { setTimeout as sleep } from 'node:timers/promises';
import { PASSWORD } from '../people.ts';
import { basic } from '../requests.ts';
import { Asker } from './asker.ts';
import type { Database, Loss } from './databases.ts';

/** A loss without effect for so long is none. */
const GIVE_UP_MS = 10_000;

/** How much earlier than `deafMs` it is asked without a pause, and the pause before that. */
const EARLY_MS = 150;
const PAUSE_MS = 50;

export interface Trial {
  /** From the answer to COMMIT to the first request that is refused, when it is sent: so long the door was open. */
  readonly ms: number;
  /** The same to the arrival of the refusal. A denial that looks like a wrong password takes a hash's time on purpose. */
  readonly answeredMs: number;
  /** The time of each request before that one, in ms: what a loss can be seen with. */
  readonly requests: readonly number[];
}

/** The page that needs what is lost. */
export function pageOf(loss: Loss): string {
  return `/${loss}/index.html`;
}

/** Lets one person in, takes something from them, and asks until they are refused; then on another connection. */
export async function trial(port: number, asker: Asker, database: Database, loss: Loss, user: string): Promise<Trial> {
  const [page, authorization] = [pageOf(loss), basic(user, PASSWORD)];
  const ask = async (from: Asker) => {
    const status = await from.status(page, authorization);
    if (status === 200) return true;
    if (status === 401 || status === 403) return false;
    throw new Error(`${loss} of ${user}: status ${status}`);
  };
  // Twice, so that the account is known and, where there are leases, a lease is in use.
  for (let times = 0; times < 2; times++) {
    if (!(await ask(asker))) throw new Error(`${user} is refused before the loss of ${loss}`);
  }
  await database.take(loss, user);
  const lostAt = performance.now();
  const requests: number[] = [];
  let ms = 0;
  for (;;) {
    const since = performance.now() - lostAt;
    if (since > GIVE_UP_MS) throw new Error(`the loss of ${loss} has no effect on ${user} after ${since} ms`);
    if (since < database.deafMs - EARLY_MS) await sleep(PAUSE_MS);
    const askedAt = performance.now();
    ms = askedAt - lostAt;
    if (!(await ask(asker))) break;
    requests.push(performance.now() - askedAt);
  }
  const answeredMs = performance.now() - lostAt;
  const other = new Asker(port);
  try {
    if (await ask(other)) throw new Error(`${user} is let in again after the loss of ${loss} had taken effect`);
  } finally {
    other.close();
  }
  return { ms, answeredMs, requests };
}
