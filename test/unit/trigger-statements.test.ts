import t from 'tap';
import { inspectTriggers } from '../../daemon/store/postgres/trigger-catalog.ts';
import { createStatements, watchedOf } from '../../daemon/store/postgres/triggers.ts';
import { STOCK } from '../../daemon/store/schema.ts';

// The SQL is run by the owner of the tables or a superuser; names in it come from the site's models.

t.test('no name ends the string or the identifier that it is in', async (t) => {
  for (const evil of ['x$djauthd$; DROP TABLE a; --', 'x$djauthd$ $djauthd1$;', 'x"; DROP TABLE a; --', "x'; --"]) {
    const schema = { ...STOCK, user: { ...STOCK.user, email: evil } };
    const relation = { schema: evil, table: evil, types: { id: 'integer', [evil]: 'text' } };
    for (const statement of createStatements(schema, new Map([['auth_user', relation]]))) {
      const [, tag, body] = /^CREATE OR REPLACE FUNCTION.* AS (\$\w+\$)(.*)\1;$/s.exec(statement) ?? [];
      if (statement.startsWith('CREATE OR REPLACE FUNCTION')) {
        t.ok(tag !== undefined && !body?.includes(tag), `${evil}: the string ends where it should`);
        t.ok(body?.includes(evil.replaceAll('"', '""')), `${evil}: the column is compared`);
      }
      const code = tag === undefined ? statement : statement.replace(body as string, '');
      const bare = code.replace(/"(?:[^"]|"")*"/g, '');
      t.notMatch(bare, /DROP|--|'/, `${evil}: it is quoted`);
    }
  }
});

t.test('a column that is computed when it is read is an obstacle', async (t) => {
  const rows = watchedOf(STOCK).map(({ table }) => ({
    ...{ name: `"${table}"`, schema: 'public', table, kind: 'r', divided: false, filtered: false, version: 180_000 },
    ...{ standby: false, types: {}, triggers: [], computed: table === 'auth_user' ? ['age', 'is_active'] : null },
  }));
  const { obstacles } = await inspectTriggers(async () => rows, STOCK);
  t.same(obstacles, ['column is_active of auth_user is generated when it is read, which its triggers do not see']);
});
