import { userInfo } from 'node:os';
import type { ClientConfig } from 'pg';
import { parse } from 'pg-connection-string';

/** Where libpq looks for the server when nothing is said, as Debian builds it. */
const SOCKET_DIRECTORY = '/var/run/postgresql';

interface Settings {
  host: string;
  port: number | undefined;
  database: string;
  user: string;
  password: string | undefined;
  ssl: ClientConfig['ssl'];
  options: string | undefined;
  /** Whether statements are prepared, which a pooler that gives each transaction another connection does not allow. */
  prepare: boolean;
}

/** Where a URL leads. @throws Error where a file that it names cannot be read, or an option is wrong */
export function settingsOf(url: string): Settings {
  const parsed = parse(url);
  const { prepare = 'true' } = parsed as { prepare?: string };
  if (prepare !== 'true' && prepare !== 'false') throw new Error('prepare is neither true nor false');
  const user = parsed.user || process.env.PGUSER || userInfo().username; // as libpq: the role is called as the person
  return {
    host: parsed.host || process.env.PGHOST || SOCKET_DIRECTORY,
    port: parsed.port ? Number(parsed.port) : undefined,
    database: parsed.database || user,
    user,
    password: parsed.password || undefined,
    ssl: parsed.ssl as ClientConfig['ssl'],
    options: parsed.options,
    prepare: prepare !== 'false',
  };
}
