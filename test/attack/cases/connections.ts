import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack } from '../case.ts';
import type { Flood } from '../flood.ts';
import { assault } from './spray.ts';

/** More attacks at the socket, with all honest people. */
const KINDS: readonly {
  name: string;
  what: string;
  floods: (socket: string) => readonly Flood[];
  listen?: string;
  as?: string;
  short?: boolean;
}[] = [
  {
    name: 'status',
    what: 'one client, 56 kB of `status` questions in one piece',
    floods: (socket) => [{ kind: 'repeat', socket, operation: 'status', connections: 1, batch: 1_900, pauseMs: 1_000 }],
    short: true,
  },
  {
    name: 'tiny',
    what: '8 connections that send `ping` in pieces of 4,000',
    floods: (socket) => [{ kind: 'repeat', socket, operation: 'ping', connections: 8, batch: 4_000, pauseMs: 0 }],
  },
  {
    name: 'deaf',
    what: '100 clients that ask for `status` and never read',
    floods: (socket) => [
      { kind: 'repeat', socket, operation: 'status', connections: 100, batch: 200, deaf: true, pauseMs: 0 },
    ],
  },
  {
    name: 'idle',
    what: '`max_connections` (300) idle connections of another user',
    floods: (socket) => [{ kind: 'idle', socket, connections: 400 }],
    listen: 'max_connections = 300',
    as: 'nobody',
    short: true,
  },
  {
    name: 'idle-same-user',
    what: '`max_connections` (300) idle connections of the same user',
    floods: (socket) => [{ kind: 'idle', socket, connections: 400 }],
    listen: 'max_connections = 300',
  },
  {
    name: 'slow',
    what: '500 connections that send a frame octet by octet',
    floods: (socket) => [{ kind: 'trickle', socket, connections: 500 }],
  },
  {
    name: 'churn',
    what: 'connections that are closed at once, 2,000 per second',
    floods: (socket) => [{ kind: 'churn', socket, rate: 2_000, questions: 0 }],
  },
  {
    name: 'abandon',
    what: 'connections with 64 guesses that are closed at once, 30 per second',
    floods: (socket) => [{ kind: 'churn', socket, rate: 30, questions: 64 }],
    short: true,
  },
  {
    name: 'half-open',
    what: 'connections with 4 guesses that end their side, 100 per second',
    floods: (socket) => [{ kind: 'churn', socket, rate: 100, questions: 4, half: true }],
  },
];

export const connections: readonly Attack[] = KINDS.map(({ name, what, floods, listen, as, short = false }) => ({
  name,
  short,
  run: async (stage) => [
    await assault(stage, what, floods, {
      ...(listen === undefined ? {} : { listen }),
      ...(as === undefined ? {} : { as }),
    }),
  ],
}));

export const reload: Attack = {
  name: 'reload',
  short: false,
  run: async (stage) => [
    await assault(
      stage,
      'a reload each second under a spray',
      (socket) => [{ kind: 'guess', socket, sources: 'many', inFlight: 320, rate: 2_000 }],
      {
        during: async (pid) => {
          for (let i = 0; i < stage.seconds(10, 3); i++) {
            process.kill(pid, 'SIGHUP');
            await sleep(1_000);
          }
        },
      },
    ),
  ],
};
