import { parseArgs } from 'node:util';
import { looks } from './next.ts';
import { walk } from './walk.ts';
import { createWorld, ITERATIONS, OLD_PAGES, PAGES, PASSWORD, USERS, type World } from './world.ts';

const USAGE = `npm run demo -- [--check] [--port N]

Serves a few protected pages on 127.0.0.1 until Ctrl-C. With --check it makes the requests itself, prints requests and
answers, and exits with 0 if every answer is correct, with 1 otherwise.`;

async function main(): Promise<number> {
  const { check, port, help } = options();
  if (help) {
    console.log(USAGE);
    return 0;
  }
  console.log(
    `Creating a Django database with ${USERS.length} users (${ITERATIONS} iterations), a daemon and an Apache ...`,
  );
  const world = await createWorld(port);
  try {
    return check ? await showWalk(world) : await serve(world);
  } finally {
    await world.close();
  }
}

function options(): { check: boolean; port: number | undefined; help: boolean } {
  try {
    const { values } = parseArgs({
      options: { check: { type: 'boolean' }, port: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    const port = values.port === undefined ? undefined : Number(values.port);
    if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
      throw new Error(`--port: invalid port "${values.port}"; accepted: a number from 1 to 65535`);
    }
    return { check: values.check === true, port, help: values.help === true };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

async function showWalk(world: World): Promise<number> {
  const row = (...cells: string[]) =>
    console.log(
      cells
        .map((cell, at) => cell.padEnd([12, 8, 14, 7, 11, 0][at] as number))
        .join('')
        .trimEnd(),
    );
  row('page', 'user', 'password', 'status', 'time', '');
  const right = await walk(world, ({ path, user = '-', password, status, ms, right, meaning }) =>
    row(
      path,
      user,
      user === '-' ? '-' : (password ?? PASSWORD),
      String(status),
      `${ms.toFixed(1)} ms`,
      `${right ? 'correct' : 'WRONG'}: ${meaning}`,
    ),
  );
  console.log(
    right
      ? '\nEvery answer is correct. "npm run demo" serves these pages until Ctrl-C, and says what to look at next.'
      : '\nSome answers are wrong.',
  );
  return right ? 0 : 1;
}

async function serve(world: World): Promise<number> {
  const { apache, directory } = world;
  const curl = (user: string, path: string) => `    curl -i -u '${user}:${PASSWORD}' ${apache.url}${path}`;
  console.log(`
Users, all with the password "${PASSWORD}":
${USERS.map(({ username, about }) => `    ${username.padEnd(8)} ${about}`).join('\n')}

Pages:
${[...PAGES, ...OLD_PAGES].map(({ path, about }) => `    ${apache.url}${path.padEnd(12)} ${about}`).join('\n')}

Try:
${[curl('alice', '/staff/'), curl('bob', '/staff/'), curl('bob', '/orders/'), curl('dave', '/root/'), curl('alice', '/example/')].join('\n')}

Look at next:
${looks(world)
  .map(({ command, about }) => `    ${command}\n        ${about}`)
  .join('\n')}

The database, the daemon's configuration and its sockets are in ${directory}, Apache's configuration is in
${apache.directory}. Ctrl-C stops everything.`);
  await new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, resolve);
  });
  return 0;
}

process.exitCode = await main();
