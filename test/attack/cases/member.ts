import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../fixtures/client.ts';
import { attackBy, tell } from '../attacker.ts';
import type { Attack, Row } from '../case.ts';
import type { Stage } from '../stage.ts';

/** Lines of [listen] with which the web server's user may check, and nothing else. */
const ONLY_CHECK = '[[listen.allow]]\nuser = ["root"]\n[[listen.allow]]\nuser = ["www-data"]\noperations = ["check"]';

/** With which nobody else may ask anything. */
const BOUNDED = '[[listen.allow]]\nuser = ["root"]\n[[listen.allow]]\nuser = ["www-data"]\nrate = 5';

/** A process of the web server's user asks for everybody's e-mail address and groups. */
async function harvest(stage: Stage, what: string, listen: string, most: number): Promise<Row> {
  const accounts = 1_000;
  const daemon = await stage.daemon({ listen });
  const attacker = await attackBy([{ kind: 'harvest', socket: daemon.socket, accounts }], { as: 'www-data' });
  const startedAt = performance.now();
  await sleep(stage.seconds(6, 2) * 1000);
  const loot = await attacker.stop();
  await daemon.stop();
  return {
    attack: `a member of the web server's group asks \`authorize\` for everybody: ${what}`,
    wrong: 0,
    aims: [{ what: 'accounts told', value: loot.told, most }],
    note: tell(loot, (performance.now() - startedAt) / 1000),
  };
}

/** The same guesses without bound at one account: what is hashed is what counts. */
async function guesses(stage: Stage, what: string, listen: string): Promise<Row> {
  const daemon = await stage.daemon({ listen });
  const seconds = stage.seconds(15, 4);
  const attacker = await attackBy(
    [{ kind: 'guess', socket: daemon.socket, username: 'user9', sources: 'forged', inFlight: 64, rate: 0 }],
    { as: 'www-data' },
  );
  await sleep(seconds * 1000);
  const loot = await attacker.stop();
  await daemon.stop();
  const hashed = (loot.counts[1] ?? 0) + (loot.counts[2] ?? 0);
  return {
    attack: `a member of the web server's group guesses at one account, with forged addresses: ${what}`,
    wrong: loot.counts[0] ?? 0,
    // A rate lets through two seconds' worth at once, and so does the burst of a name.
    aims: [{ what: 'guesses hashed', value: hashed, most: 5 * seconds + 20 }],
    note: tell(loot, seconds),
  };
}

export const PASSWORD_AS_NAME = 'Tr0ub4dor-and-3-swordfish';

/** A password typed into the field of the name. */
async function names(stage: Stage): Promise<Row> {
  const daemon = await stage.daemon({ config: '[log]\nlevel = "debug"' });
  const client = await connect(daemon.socket);
  for (let i = 0; i < 3; i++) {
    await client.check(PASSWORD_AS_NAME, '', { client: { address: '203.0.113.9', service: 'apache' } });
    await client.authorize(PASSWORD_AS_NAME, { client: { service: 'svn' } });
  }
  client.close();
  await sleep(300);
  await daemon.stop();
  const lines = daemon.log().split('\n');
  const encoded = Buffer.from(PASSWORD_AS_NAME).toString('base64').slice(0, 20);
  const found = lines.filter((line) => line.includes(PASSWORD_AS_NAME) || line.includes(encoded)).length;
  return {
    attack: 'a password typed into the name field',
    wrong: 0,
    aims: [{ what: 'lines of the log with it', value: found, most: 0 }],
    note: `${lines.length - 1} lines`,
  };
}

export const members: readonly Attack[] = [
  {
    name: 'authorize',
    short: true,
    run: async (stage) => [
      await harvest(stage, 'no key restricts it', '', 1_000),
      await harvest(stage, 'with `listen.allow`', ONLY_CHECK, 0),
      await harvest(stage, 'with `listen.hooks`', `hooks = "${stage.directory}/hooks.sock"`, 0),
    ],
  },
  {
    name: 'guess-one',
    run: async (stage) => [
      await guesses(stage, 'no key restricts it', ''),
      await guesses(stage, '`listen.allow` with a rate', BOUNDED),
    ],
  },
  { name: 'name-field', short: true, run: async (stage) => [await names(stage)] },
];
