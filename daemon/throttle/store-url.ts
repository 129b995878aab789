/** Where a Redis or Valkey server is, and how to log in. */
export interface StoreAddress {
  /** For messages: without user and password. */
  readonly name: string;
  readonly path?: string;
  readonly host?: string;
  readonly port?: number;
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
}

export const STORE_URL_FORM =
  'a URL such as "redis://host", "rediss://user@host:6380/2" or "unix:///run/redis/redis.sock"';

const PORT = 6379;
const DB_MAX = 65_535;

const URL_FORM =
  /^(?:(redis|rediss|valkey|valkeys):\/\/(?:([^@/]*)@)?(\[[0-9a-f:.]+\]|[^@/:?#[\]]+)(?::([0-9]{1,5}))?(?:\/([0-9]*))?|unix:\/\/(?:([^@/]*)@)?(\/[^@?#]+)(?:\?db=([0-9]+))?)$/i;

/** The parts of a URL; undefined if it is none of a store. */
export function storeAddressOf(url: string): StoreAddress | undefined {
  const match = URL_FORM.exec(url);
  if (match === null) return undefined;
  const [, scheme, tcpLogin, host, port, tcpDb, unixLogin, path, unixDb] = match;
  const db = Number(tcpDb || unixDb || 0);
  if (db > DB_MAX || Number(port ?? 1) > 65_535 || Number(port ?? 1) === 0) return undefined;
  let login: object;
  try {
    login = loginOf(tcpLogin ?? unixLogin ?? '');
  } catch {
    return undefined; // a % that encodes nothing
  }
  if (path !== undefined) return { name: path, path: decodeURIComponent(path), tls: false, db, ...login };
  const to = { host: (host as string).replace(/^\[|\]$/g, ''), port: Number(port ?? PORT) };
  return { name: `${host}:${to.port}`, ...to, tls: /^(rediss|valkeys)$/i.test(scheme as string), db, ...login };
}

function loginOf(login: string): { username?: string; password?: string } {
  const at = login.indexOf(':');
  const username = decodeURIComponent(at < 0 ? login : login.slice(0, at));
  const password = at < 0 ? '' : decodeURIComponent(login.slice(at + 1));
  return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
}
