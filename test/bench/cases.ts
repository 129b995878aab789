import type { Case } from './case.ts';
import { accounts } from './cases/accounts.ts';
import { apache } from './cases/apache.ts';
import { cached } from './cases/cached.ts';
import { cold } from './cases/cold.ts';
import { connections } from './cases/connections.ts';
import { flood } from './cases/flood.ts';
import { memory } from './cases/memory.ts';
import { peers } from './cases/peers.ts';
import { ready } from './cases/ready.ts';
import { revoked } from './cases/revoked.ts';
import { svn } from './cases/svn.ts';

/** Every benchmark, in the order in which they run. */
export const cases: readonly Case[] = [
  ...[ready, cached, cold, flood, apache, svn],
  ...[revoked, peers, connections, accounts, memory],
];
