import { setTimeout as sleep } from 'node:timers/promises';
import type { Case, Revocation } from '../case.ts';
import { dbdSocache, djauthd, external, externalSocache, fcgi } from '../peers/apache.ts';
import { dovecot } from '../peers/dovecot.ts';
import type { Door, Peer } from '../peers/peer.ts';
import { saslauthd } from '../peers/saslauthd.ts';
import { CHANGES, createWorld, PEOPLE, type Person, type World } from '../peers/world.ts';
import { figure } from '../report.ts';

const PEERS: readonly Peer[] = [djauthd, dbdSocache, external, externalSocache, fcgi, saslauthd, dovecot];

/**
 * What a server keeps for hours is not waited for: one of its kind keeps it for so many seconds, which shows how its
 * cache ends, and another has the default and must still have it then.
 */
const SHORT_S = 4;
const WATCH_MS = 2.5 * SHORT_S * 1000;

/**
 * When the first request was sent that was answered as the database says, in ms after COMMIT; 0 if it was the first of
 * all, undefined if there was none while it was watched.
 */
type Times = Partial<Record<Person, number | undefined>>;

interface Watched {
  /** With the default. */
  readonly shipped: Times;
  /** With SHORT_S, for a server that keeps something. */
  readonly short?: Times;
}

/** What becomes of a changed password, a deactivated person and a lost group behind djauthd and other servers. */
export const peers: Case = {
  name: 'peers',
  keys: [],
  async run(stage) {
    const world = createWorld(stage);
    const failures: string[] = [];
    const doors: { peer: Peer; keeps?: number; door: Door }[] = [];
    for (const peer of PEERS) {
      stage.progress(peer.server);
      try {
        for (const keeps of peer.keeps === undefined ? [undefined] : [undefined, SHORT_S]) {
          const door = await peer.open(stage, world, keeps);
          await letIn(door, world);
          doors.push({ peer, door, ...(keeps === undefined ? {} : { keeps }) });
        }
      } catch (error) {
        failures.push(`${peer.server}: ${error instanceof Error ? error.message : error}`);
        stage.progress(`failed: ${failures.at(-1)}`);
      }
    }
    // Once more, after what has the short time has ended: it begins anew for all, right before the changes.
    await sleep(1.5 * SHORT_S * 1000);
    await Promise.all(doors.map(({ door }) => letIn(door, world)));
    stage.progress('changes');
    world.change();
    const changedAt = performance.now();
    const times = await Promise.all(doors.map(({ door }) => watch(door, world, changedAt)));
    const watched = new Map<Peer, Watched>();
    for (const peer of PEERS) {
      const [shipped, short] = [undefined, SHORT_S].map(
        (keeps) => times[doors.findIndex((each) => each.peer === peer && each.keeps === keeps)],
      );
      if (shipped && (short || peer.keeps === undefined)) watched.set(peer, { shipped, ...(short ? { short } : {}) });
    }
    return {
      measurements: [],
      revocations: [...watched].map(([peer, each]) => rowOf(peer, each)),
      notes: {
        peers_ms_after_commit: Object.fromEntries(
          [...watched].map(([{ server }, each]) => [server, { ...each, short_setting_s: SHORT_S }]),
        ),
      },
      failures,
    };
  },
};

async function letIn(door: Door, world: World): Promise<void> {
  for (const person of PEOPLE) {
    const enter = entranceOf(door, person);
    if (!enter || (await enter(person, world.password(person, 'before')))) continue;
    throw new Error(`${person} is not let in before the changes: ${door.log?.().slice(-2_000)}`);
  }
}

function entranceOf(door: Door, person: Person): Door['enter'] | undefined {
  return person === 'member' ? door.enterAsMember : door.enter;
}

/** Asks for each person until the answer is what the database says. */
async function watch(door: Door, world: World, changedAt: number): Promise<Times> {
  const entries = PEOPLE.map(async (person) => {
    const enter = entranceOf(door, person);
    if (!enter) return [];
    for (let first = true; ; first = false) {
      const askedAt = performance.now();
      const inside = await enter(person, world.password(person, 'after'));
      if (inside === CHANGES[person].right) return [[person, first ? 0 : askedAt - changedAt]];
      const now = performance.now();
      if (now - changedAt > WATCH_MS) return [[person, undefined]];
      await sleep(Math.max(50, 3 * (now - askedAt))); // what costs much is asked less often
    }
  });
  return Object.fromEntries((await Promise.all(entries)).flat());
}

function rowOf({ server, setting, keeps }: Peer, { shipped, short }: Watched): Revocation {
  const cell = (person: Person): string => {
    if (!(person in shipped)) return 'knows no groups';
    const [byDefault, shortened] = [shipped[person], short?.[person]];
    if (byDefault !== undefined) return byDefault === 0 ? '0' : `${figure(byDefault / 1000)} s`;
    if (shortened === undefined || keeps === undefined) return `more than ${WATCH_MS / 1000} s`;
    const share = shortened / 1000 / SHORT_S;
    return share > 0.6 && share < 1.6 ? span(keeps) : `${share.toFixed(1)} × ${span(keeps)}`;
  };
  return { server, setting, cells: [cell('old'), cell('new'), cell('inactive'), cell('member')] };
}

function span(seconds: number): string {
  return seconds % 3600 === 0 ? `${seconds / 3600} h` : `${seconds / 60} min`;
}
