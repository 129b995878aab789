/**
 * Everything that a session inherits, from the server's configuration, the database or the role, and that a verdict
 * depends on. docs/databases.md gives the reason of each.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  default_transaction_read_only: 'on',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  lock_timeout: '0',
  standard_conforming_strings: 'on',
};

/**
 * The settings as startup options, which take precedence over all that a session inherits. They are never set by SET:
 * behind a pooler that would change the sessions of other clients.
 */
export const SESSION_OPTIONS = Object.entries(SETTINGS)
  .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
  .join(' ');

/** One row with the settings that are in force. */
export const SESSION_QUERY = `select ${[...Object.keys(SETTINGS), 'statement_timeout']
  .map((name) => `pg_catalog.current_setting('${name}') as ${name}`)
  .join(', ')}`;

/** The settings that a pooler ignored, as `name = value`. */
export function ignoredSettings(row: Readonly<Record<string, unknown>>, timeoutMs: number): string[] {
  const ignored = Object.entries(SETTINGS)
    .filter(([name, value]) => row[name] !== value)
    .map(([name, value]) => `${name} = '${value}'`);
  return row.statement_timeout === '0' ? [...ignored, `statement_timeout = '${timeoutMs}ms'`] : ignored;
}
