import { attackBy, tell } from '../attacker.ts';
import type { Attack, Row } from '../case.ts';
import type { Flood, Sources } from '../flood.ts';
import { Honest } from '../honest.ts';
import { watchMemory } from '../measure.ts';
import type { Stage } from '../stage.ts';

/** A limit of memory that no attack may exceed, in MB: nothing of the daemon is near it. */
const MEMORY_MB = 320;

/** How many guesses per second the attacker sends at most: beyond, it is the machine that is attacked. */
const RATE = 2_000;

/** One attack at the socket, with all honest people. */
export async function assault(
  stage: Stage,
  attack: string,
  floods: (socket: string) => readonly Flood[],
  options: {
    seconds?: number;
    listen?: string;
    config?: string;
    as?: string;
    during?: (pid: number) => Promise<void>;
    victim?: string | undefined;
    before?: (socket: string) => Promise<void>;
  } = {},
): Promise<Row> {
  const seconds = stage.seconds(options.seconds ?? 12, 3);
  const daemon = await stage.daemon(options);
  const honest = await Honest.open({ stage, socket: daemon.socket });
  await options.before?.(daemon.socket);
  const memory = watchMemory(daemon.process.pid as number);
  const startedAt = performance.now();
  const attacker = await attackBy(floods(daemon.socket), options);
  const [watched] = await Promise.all([
    honest.watch(seconds, { newcomers: stage.short ? 3 : 8, victim: options.victim }),
    options.during?.(daemon.process.pid as number),
  ]);
  const took = (performance.now() - startedAt) / 1000;
  const loot = await attacker.stop();
  const used = memory.stop();
  honest.close();
  await daemon.stop();
  return {
    attack,
    ...watched,
    memory: used,
    wrong: honest.wrong + guessed(floods(daemon.socket), loot.counts),
    aims: [{ what: 'memory', value: used.peak, most: MEMORY_MB, unit: ' MB' }],
    note: tell(loot, took),
  };
}

/** Guesses that were granted. */
function guessed(floods: readonly Flood[], counts: Record<string, number>): number {
  return floods.every(({ kind }) => kind === 'guess' || kind === 'churn') ? (counts[0] ?? 0) : 0;
}

const KINDS: readonly {
  name: string;
  what: string;
  sources: Sources;
  rate?: number;
  username?: string;
  again?: boolean;
  short?: boolean;
}[] = [
  { name: 'spray', what: 'many names, many sources', sources: 'many' },
  { name: 'spray-one-source', what: 'many names, one source', sources: 'one' },
  { name: 'spray-no-source', what: 'many names, no source given', sources: 'none' },
  { name: 'spray-forged', what: 'many names, addresses forged at random', sources: 'forged', short: true },
  {
    name: 'spray-one-name',
    what: 'one name, whose owner is a newcomer, addresses forged at random',
    sources: 'forged',
    username: 'user7',
  },
  {
    name: 'spray-again',
    what: 'many names, forged addresses, and asks again like a person',
    sources: 'forged',
    again: true,
  },
  { name: 'spray-hot', what: 'many names, forged addresses, as fast as it is answered', sources: 'forged', rate: 0 },
];

export const sprays: readonly Attack[] = KINDS.map(
  ({ name, what, sources, rate = RATE, username, again = false, short = false }) => ({
    name,
    short,
    run: async (stage) => [
      await assault(
        stage,
        `guesses, 320 in flight: ${what}`,
        (socket) => [
          {
            kind: 'guess',
            socket,
            sources,
            inFlight: 320,
            rate,
            again,
            ...(username === undefined ? {} : { username }),
          },
        ],
        { victim: username },
      ),
    ],
  }),
);
