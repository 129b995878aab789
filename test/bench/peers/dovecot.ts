import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../../fixtures/daemon.ts';
import { end, start } from '../processes.ts';
import type { Peer } from './peer.ts';

/**
 * Dovecot's auth process, which Postfix and others ask as well. Its cache is off unless it is given a size. Its delays of
 * denials are off, so that it can be asked often.
 */
export const dovecot: Peer = {
  server: 'Dovecot auth, `passdb sql`',
  setting: '`auth_cache_ttl` 1 hour, default; `auth_cache_size` set: the cache is off by default',
  keeps: 3600,
  async open(stage, world, keeps) {
    const directory = join(stage.directory, `dovecot${keeps ?? ''}`);
    mkdirSync(directory);
    const [config, sql] = [join(directory, 'dovecot.conf'), join(directory, 'sql.conf')];
    writeFileSync(
      sql,
      `driver = sqlite
connect = ${world.path}
password_query = SELECT username AS user, '{SHA512-CRYPT}' || password AS password FROM authn \\
  WHERE username = '%u' AND is_active = 1
`,
    );
    writeFileSync(
      config,
      `base_dir = ${directory}/run
state_dir = ${directory}
log_path = ${directory}/log
protocols =
ssl = no
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
auth_cache_size = 1 M
${keeps === undefined ? '' : `auth_cache_ttl = ${keeps} s\nauth_cache_negative_ttl = ${keeps} s`}
passdb {
  driver = sql
  args = ${sql}
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}
`,
    );
    // In a process group of its own: when it stops, it signals its whole group.
    const args = ['--pdeathsig', 'TERM', 'dovecot', '-F', '-c', config];
    const server = start('setpriv', args, { stdio: 'ignore', detached: true });
    stage.atEnd(() => end(server));
    const test = (username: string, password: string) =>
      new Promise<string>((resolve) => {
        execFile('doveadm', ['-c', config, 'auth', 'test', username, password], (_error, stdout, stderr) =>
          resolve(stdout + stderr),
        );
      });
    const enter = async (username: string, password: string) => {
      const said = await test(username, password);
      // Its exit code does not tell a denial from a fault.
      const word = /^passdb: \S+ auth (succeeded|failed)$/m.exec(said)?.[1];
      if (word === undefined) throw new Error(`doveadm auth test: ${said.trim()}; see ${directory}/log`);
      return word === 'succeeded';
    };
    await waitFor(async () => {
      if (server.exitCode !== null) throw new Error(`dovecot does not start; see ${directory}/log`);
      return enter('nobody', 'nothing').then(
        () => true,
        () => false,
      );
    }, 20_000);
    return { enter };
  },
};
