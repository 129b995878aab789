/** The longest list, in octets. The server's default is 1,024 to 1,048,576. */
const LIST_MAX = 4_294_967_295;

/**
 * The statements that set up a session. Everything that a session inherits, from the server's configuration or from
 * init_connect, and that a verdict depends on is set here. docs/databases.md gives the reason of each.
 *
 * Only MariaDB executes `M!` comments; it ignores those for MySQL 5.7.8.
 */
export function sessionOf(charset: string, timeoutMs: number): string[] {
  const seconds = Math.ceil(timeoutMs / 1000);
  return [
    // init_connect may have opened a transaction; completion_type may chain another one to it.
    'rollback and no chain no release',
    `set names ${charset}, session autocommit = 1, session sql_mode = '', session time_zone = '+00:00',` +
      ` session sql_select_limit = 18446744073709551615, session sql_big_selects = 1,` +
      ` session group_concat_max_len = ${LIST_MAX},` +
      ` session lock_wait_timeout = ${seconds}, session innodb_lock_wait_timeout = ${seconds}` +
      ` /*M!100101 , session max_statement_time = ${timeoutMs / 1000} */` +
      ` /*!50708 , session max_execution_time = ${timeoutMs} */`,
    'set session transaction isolation level read committed, read only', // whatever the account's privileges are
  ];
}
