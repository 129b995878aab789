import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../../fixtures/daemon.ts';
import { end, start } from '../processes.ts';
import type { Peer } from './peer.ts';

/** Dovecot's auth process, which Postfix and others ask as well. Its cache is off unless it is given a size. */
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
    const server = start('dovecot', ['-F', '-c', config], { stdio: 'ignore' });
    stage.atEnd(() => end(server));
    const test = (username: string, password: string) =>
      new Promise<number | undefined>((resolve) => {
        const child = execFile('doveadm', ['-c', config, 'auth', 'test', username, password]);
        child.once('close', (code) => resolve(code ?? undefined));
      });
    // 0: in, 77 (EX_NOPERM): not in; anything else: no answer.
    const answers = async () => [0, 77].includes((await test('nobody', 'nothing')) ?? -1);
    await waitFor(async () => server.exitCode !== null || (await answers()), 10_000);
    return {
      async enter(username, password) {
        const code = await test(username, password);
        if (code !== 0 && code !== 77) throw new Error(`doveadm auth test: exit ${code}; see ${directory}/log`);
        return code === 0;
      },
    };
  },
};
