import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { install, run } from '../fixtures/hooks.ts';
import { createWorld } from '../fixtures/world.ts';

const UNITS = join(import.meta.dirname, '../../systemd');
const read = (name: string) => readFileSync(join(UNITS, name), 'utf8');

t.test('the units of svn-groups', async (t) => {
  const { djauth, prefix } = install(t);
  const units = join(prefix, 'units');
  mkdirSync(units);
  const service = read('djauth-svn-groups.service').replaceAll('/usr/bin/djauth', djauth);
  writeFileSync(join(units, 'djauth-svn-groups.service'), service);
  writeFileSync(join(units, 'djauth-svn-groups.timer'), read('djauth-svn-groups.timer'));
  const files = ['service', 'timer'].map((kind) => join(units, `djauth-svn-groups.${kind}`));
  const { code, out, err } = await run('systemd-analyze', ['verify', '--man=no', ...files]);
  t.same({ code, output: `${out}${err}` }, { code: 0, output: '' }, 'systemd-analyze verifies them');

  const { daemon } = await createWorld(t, [{ username: 'alice', groups: ['Editors'] }]);
  const output = join(prefix, 'groups');
  const line = /^ExecStart=(.*)$/m.exec(service)?.[1] ?? '';
  const command = line.replace('/var/lib/djauth-svn-groups/groups', output);
  t.not(command, line);
  const env = { DJAUTH_CONTROL_SOCKET: daemon.control, OPTIONS: '--site site --prefix django-' };
  t.same(
    await run('/bin/sh', ['-c', command], { env }),
    { code: 0, out: '', err: '' },
    'the command that they run succeeds',
  );
  t.match(readFileSync(output, 'utf8'), /^\[groups\]\ndjango-Editors = alice\n$/m);
});
