import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { install, run } from '../fixtures/hooks.ts';
import { createWorld } from '../fixtures/world.ts';

const UNITS = join(import.meta.dirname, '../../systemd');
const read = (name: string) => readFileSync(join(UNITS, name), 'utf8');

t.test('the units', async (t) => {
  const { djauth, prefix } = install(t);
  const place = join(prefix, 'units');
  mkdirSync(place);
  const service = read('djauth-svn-groups.service').replaceAll('/usr/bin/djauth', djauth);
  writeFileSync(join(place, 'djauth-svn-groups.service'), service);
  writeFileSync(join(place, 'djauth-svn-groups.timer'), read('djauth-svn-groups.timer'));
  const files = ['service', 'timer'].map((kind) => join(place, `djauth-svn-groups.${kind}`));
  const { code, out, err } = await run('systemd-analyze', ['verify', ...files]);
  t.same({ code, said: `${out}${err}` }, { code: 0, said: '' }, 'systemd has nothing to say about them');

  const { daemon } = await createWorld(t, [{ username: 'alice', groups: ['Editors'] }]);
  const output = join(prefix, 'groups');
  const line = /^ExecStart=(.*)$/m.exec(service)?.[1] ?? '';
  const command = line.replace('/var/lib/djauth-svn-groups/groups', output);
  t.not(command, line);
  const env = { DJAUTH_CONTROL_SOCKET: daemon.control, OPTIONS: '--site site --prefix django-' };
  t.same(await run('/bin/sh', ['-c', command], { env }), { code: 0, out: '', err: '' }, 'what they run');
  t.match(readFileSync(output, 'utf8'), /^\[groups\]\ndjango-Editors = alice\n$/m);
});
