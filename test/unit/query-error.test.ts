import pg from 'pg';
import t from 'tap';
import { queryErrorOf as ofMysql } from '../../daemon/store/mysql/errors.ts';
import { queryErrorOf as ofPostgres } from '../../daemon/store/postgres/errors.ts';

t.test('a message does not repeat a value: it may be a password that was typed as the username', async (t) => {
  const postgres = (code: string, message: string) =>
    ofPostgres(Object.assign(new pg.DatabaseError(message, message.length, 'error'), { code }), true).message;
  t.equal(postgres('22P02', 'invalid input value for enum mood: "hunter2"'), 'invalid input value for enum mood: "…"');
  t.equal(
    postgres('22P02', 'invalid input syntax for type integer: "a"b"c"'),
    'invalid input syntax for type integer: "…"',
  );
  t.equal(
    postgres('22007', 'invalid input syntax for type date: "hun\nter2"'),
    'invalid input syntax for type date: "…"',
  );
  t.equal(
    postgres('42703', 'column "nick" does not exist'),
    'column "nick" does not exist',
    'names of columns are shown',
  );

  const mysql = (errno: number, sqlState: string, message: string) =>
    ofMysql(Object.assign(new Error(message), { errno, sqlState })).message;
  t.equal(
    mysql(1292, '22007', "Truncated incorrect DOUBLE value: 'hun'ter2'"),
    "Truncated incorrect DOUBLE value: '…'",
  );
  t.equal(mysql(1366, 'HY000', "Incorrect string value: 'hunter2' for column 'x'"), "Incorrect string value: '…'");
  t.equal(mysql(1300, 'HY000', "Invalid utf8mb4 character string: 'hunter2'"), "Invalid utf8mb4 character string: '…'");
  t.equal(mysql(1054, '42S22', "Unknown column 'nick' in 'SELECT'"), "Unknown column 'nick' in 'SELECT'");
});
