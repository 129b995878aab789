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

t.test('only a database that cannot be reached or does not answer in time is away', async (t) => {
  const postgres = (code: string, severity = 'ERROR') =>
    ofPostgres(Object.assign(new pg.DatabaseError('x', 1, 'error'), { code, severity }), true).away;
  for (const code of ['08006', '53300', '55P03', '57014', '57P01', '57P02', '57P03']) t.ok(postgres(code), code);
  // Refused, dropped, another schema, damaged, and whatever else is not known to be harmless.
  for (const code of [
    '28000',
    '28P01',
    '3D000',
    '42501',
    '42P01',
    '42703',
    '40001',
    '57P04',
    'XX000',
    'XX001',
    '58030',
  ]) {
    t.notOk(postgres(code), code);
    t.notOk(postgres(code, 'FATAL'), code);
  }
  const mysql = (errno: number) => ofMysql(Object.assign(new Error('x'), { errno, sqlState: '00000' })).away;
  for (const errno of [1040, 1053, 1205, 1969, 2013, 3024]) t.ok(mysql(errno), String(errno));
  for (const errno of [1044, 1045, 1049, 1054, 1142, 1146, 1226, 1698, 3118, 4151])
    t.notOk(mysql(errno), String(errno));
  const system = (code: string) => Object.assign(new Error('x'), { code });
  for (const of of [(error: Error) => ofPostgres(error, true), ofMysql]) {
    for (const code of ['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'ETIMEDOUT', 'EHOSTUNREACH', 'EAI_AGAIN']) {
      t.ok(of(system(code)).away, code);
    }
    for (const code of [
      'EACCES',
      'ENOTFOUND',
      'CERT_HAS_EXPIRED',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'HANDSHAKE_SSL_ERROR',
    ]) {
      t.notOk(of(system(code)).away, code);
    }
    t.ok(of(new AggregateError([system('ECONNREFUSED'), system('ETIMEDOUT')])).away, 'no address answers');
    t.notOk(of(new AggregateError([system('ECONNREFUSED'), system('EACCES')])).away);
    t.notOk(of(new Error('self-signed certificate')).away);
  }
  const hosts = [system('ECONNREFUSED'), Object.assign(new pg.DatabaseError('x', 1, 'error'), { code: '28P01' })];
  t.notOk(ofPostgres(new AggregateError(hosts, 'a: x; b: x'), true).away, 'one of several hosts refuses');
});
