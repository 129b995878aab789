import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connect } from '../fixtures/client.ts';
import { startDaemon } from '../fixtures/daemon.ts';
import { allGroups } from '../fixtures/groups.ts';
import { startMariaDb } from '../fixtures/mariadb.ts';
import { startPostgres } from '../fixtures/postgres.ts';
import { type Model, models } from './models.ts';
import { askGroups } from './questions.ts';

t.setTimeout(600_000);

const places: Record<string, (t: Test, name: string) => Promise<string>> = {
  async SQLite(t, name) {
    const directory = mkdtempSync(join(tmpdir(), 'djauthd-og-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    return `sqlite://${join(directory, name)}`;
  },
  async PostgreSQL(t, name) {
    const postgres = await startPostgres();
    t.teardown(() => postgres.stop());
    return postgres.createDatabase(name);
  },
  async MariaDB(t, name) {
    const mariadb = await startMariaDb();
    t.teardown(() => mariadb.stop());
    return mariadb.createDatabase(name, 'utf8mb4_bin');
  },
};

for (const [place, start] of Object.entries(places)) {
  for (const model of models) {
    t.test(`${place}, ${model.name}`, async (t) => compare(t, model, await start(t, model.name)));
  }
}

/** Everybody whom Django lists in a group, and nobody else. */
async function compare(t: Test, model: Model, url: string): Promise<void> {
  const theirs = await askGroups(url, model.name);
  const daemon = await startDaemon({ config: `[sites.site]\ndatabase = "${url}"\n${model.schema('site')}` });
  t.teardown(() => daemon.stop());
  const control = await connect(daemon.control);
  t.teardown(() => control.close());
  if (theirs === null) {
    t.same(await control.ask('groups'), {
      status: 4,
      content: { reason: 'the user model of site "site" has no groups' },
    });
    return;
  }
  const { groups: ours, pages } = await allGroups(control);
  t.ok(pages >= 3, `${pages} pages`);
  t.ok((ours.Everybody?.length ?? 0) > 5000, 'one group goes over several of them');
  const sayable = (name: string) => !name.includes('\0') && Buffer.byteLength(name) <= 1024 && name !== '';
  const expected = Object.entries(theirs).filter(([name]) => sayable(name));
  t.same(Object.keys(ours).sort(), expected.map(([name]) => name).sort());
  for (const [name, members] of expected) {
    t.same(ours[name]?.sort(), members.filter(sayable).sort(), `${name}: ${members.length} members`);
  }
}
