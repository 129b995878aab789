import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startApache } from '../../fixtures/apache.ts';
import type { Case } from '../case.ts';
import { PASSWORD, SITE } from '../people.ts';
import { output } from '../processes.ts';
import { interleave, ratio } from '../rounds.ts';
import { authDjango, QUIET, SERVER } from './apache-config.ts';

const FOLDERS = 20;
const FILES = 25;
const OCTETS = 4_000;

/** `svn checkout` of 500 files over mod_dav_svn: each file is a request, and each request a check. */
export const svn: Case = {
  name: 'svn',
  keys: ['svn_checkout_vs_open'],
  async run(stage) {
    await stage.hotFrames();
    const daemon = await stage.main();
    const repository = createRepository(stage.directory);
    const location = (path: string, more: string) =>
      `<Location "${path}">\n  DAV svn\n  SVNPath "${repository}"\n${more}\n</Location>`;
    const apache = await startApache(
      [QUIET, `DjangoAuthSocket "${daemon.socket}"`, location('/open', ''), location('/closed', authDjango(SITE))].join(
        '\n',
      ),
      { ...SERVER, load: ['dav', 'dav_svn'] },
    );
    stage.atEnd(() => apache.stop());
    const copy = join(stage.directory, 'copy');
    const checkout = async (path: string) => {
      const startedAt = performance.now();
      await output('svn', [
        ...['checkout', '-q', '--non-interactive', '--no-auth-cache', '--config-dir', join(stage.directory, 'svn')],
        ...['--username', 'user1', '--password', PASSWORD, `${apache.url}${path}`, copy],
      ]);
      const took = performance.now() - startedAt;
      rmSync(copy, { recursive: true });
      return took;
    };
    await checkout('/open');
    await checkout('/closed');
    // The module tells how many grants it gave on lease when it asks next: once the lease is over.
    const grants = async () => {
      await sleep(1_100);
      await apache.get('/closed/', { user: 'user1', password: PASSWORD });
      const { granted = 0, leased = 0 } = await daemon.stats();
      return { asked: granted, all: granted + leased };
    };
    const before = await grants();
    await checkout('/closed');
    const after = await grants();
    const checks = after.all - before.all;
    if (checks < FOLDERS * FILES) throw new Error(`the checkout caused only ${checks} checks`);
    const figures = await interleave(stage, stage.choose(9, 3), {
      closed: () => checkout('/closed'),
      open: () => checkout('/open'),
    });
    return {
      measurements: [ratio('svn_checkout_vs_open', 'ms', ['djauthd', figures.closed], ['open', figures.open])],
      notes: { svn_checkout_checks: checks, svn_checkout_questions: after.asked - before.asked },
    };
  },
};

function createRepository(directory: string): string {
  const [repository, tree] = [join(directory, 'repository'), join(directory, 'tree')];
  for (let folder = 0; folder < FOLDERS; folder++) {
    mkdirSync(join(tree, `folder${folder}`), { recursive: true });
    for (let file = 0; file < FILES; file++) {
      const line = `line of file ${file} in folder ${folder}\n`;
      writeFileSync(
        join(tree, `folder${folder}`, `file${file}.txt`),
        line.repeat(Math.ceil(OCTETS / line.length)).slice(0, OCTETS),
      );
    }
  }
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' });
  run('svnadmin', 'create', repository);
  run('svn', 'import', '-q', '-m', 'files', tree, `file://${repository}`);
  if (process.getuid?.() === 0) run('chown', '-R', 'www-data:www-data', repository);
  return repository;
}
