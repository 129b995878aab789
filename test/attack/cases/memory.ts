import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { connect } from '../../fixtures/client.ts';
import { startPostgres } from '../../fixtures/postgres.ts';
import { createSiteOnPostgres } from '../../fixtures/site.ts';
import { attackBy, tell } from '../attacker.ts';
import type { Attack, Row } from '../case.ts';
import { askOnce } from '../honest.ts';
import { watchMemory } from '../measure.ts';
import { PASSWORD, type Stage } from '../stage.ts';

/** What the daemon may use in all, in MB. */
const MEMORY_MB = 320;

/** 400 connections with 64 passwords of 32 kB each, while no query is answered. Afterwards the daemon answers as before. */
async function stuffed(stage: Stage): Promise<Row> {
  const connections = stage.short ? 100 : 400;
  const postgres = await startPostgres();
  const url = await postgres.createDatabase('site');
  const person = { username: 'user1', password: PASSWORD };
  const site = await createSiteOnPostgres(url, [person], { iterations: 1_000 });
  const daemon = await stage.daemon({ url });
  const locker = new pg.Client(url);
  await locker.connect();
  try {
    await locker.query('BEGIN; LOCK TABLE auth_user IN ACCESS EXCLUSIVE MODE');
    const memory = watchMemory(daemon.process.pid as number);
    const attacker = await attackBy([{ kind: 'stuff', socket: daemon.socket, connections, octets: 32_000 }]);
    const startedAt = performance.now();
    await sleep(stage.seconds(8, 3) * 1000);
    const client = await connect(daemon.socket);
    const pinged = await Promise.race([client.ask('ping'), sleep(5_000, { status: -1 }, { ref: false })]);
    client.close();
    await locker.query('ROLLBACK');
    const loot = await attacker.stop();
    const used = memory.stop();
    await sleep(500);
    let status = -1;
    for (let i = 0; i < 20 && status !== 0; i++) {
      ({ status } = await askOnce(daemon.socket, 'user1', PASSWORD, { client: { address: '203.0.113.5' } }));
      if (status !== 0) await sleep(500);
    }
    return {
      attack: `${connections} × 64 passwords of 32 kB while the database is locked`,
      memory: used,
      wrong: (loot.counts[0] ?? 0) + (loot.counts[1] ?? 0) + (loot.counts[2] ?? 0),
      aims: [
        { what: 'memory', value: used.peak, most: MEMORY_MB, unit: ' MB' },
        { what: 'pings unanswered', value: pinged.status === 0 ? 0 : 1, most: 0 },
        { what: 'people not in afterwards', value: status === 0 ? 0 : 1, most: 0 },
      ],
      note: tell(loot, (performance.now() - startedAt) / 1000),
    };
  } finally {
    await locker.end();
    await site.close();
    await daemon.stop();
    await postgres.stop();
  }
}

export const memory: Attack = { name: 'memory', run: async (stage) => [await stuffed(stage)] };
