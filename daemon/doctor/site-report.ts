import type { SiteConfig } from '../config/schema.ts';
import { messageOf } from '../fault.ts';
import type { Unit } from '../service/unit.ts';
import type { HashPolicy } from '../site/hash-policy.ts';
import { databaseOf, loadStores } from '../store/databases.ts';
import type { Schema } from '../store/schema.ts';
import { sqlitePathOf } from '../store/sqlite/url.ts';
import type { Store } from '../store/store.ts';
import { tablesOf, usernameOf } from '../store/tables.ts';
import type { Catalog } from './catalog.ts';
import { openCatalog } from './catalogs.ts';
import { type Census, takeCensus } from './census.ts';
import { type ColdCost, coldCost } from './cold-cost.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { examineSqliteFile, readingProblem } from './file-access.ts';
import { counted, type Finding, problem, warning } from './finding.ts';
import { guardsOf } from './guards.ts';
import { examineTriggers } from './triggers.ts';
import { blockedHosts, hiddenBy } from './unit-restrictions.ts';

/** The doctor's report on one site. What could not be examined is undefined. */
export interface SiteReport {
  readonly name: string;
  /** The database's name in messages; it contains no password. */
  readonly database: string;
  /** The role under which it knows the daemon. */
  readonly role: string | undefined;
  readonly reached: boolean;
  readonly census: Omit<Census, 'findings'> | undefined;
  readonly coldCost: ColdCost | undefined;
  readonly findings: readonly Finding[];
}

/** How many encoded hashes the daemon samples to learn their cost. */
const SAMPLE = 500;

/** A username that no account has. */
const NOBODY = 'djauthd doctor';

/** Examines a site's database as the daemon will use it. Never rejects: an error becomes a finding. */
export async function examineSite(
  name: string,
  config: SiteConfig,
  policy: HashPolicy,
  workers: number,
  daemon: DaemonProcess,
): Promise<SiteReport> {
  const { database: url, schema, timeout } = config;
  const findings: Finding[] = [];
  const kind = databaseOf(url);
  // The configuration has been checked, so the database is a supported one.
  if (kind === undefined) throw new Error(`unsupported database for site ${name}`);
  const scheme = kind.schemes[0] as string;
  const { user, unit } = daemon;
  if (unit) findings.push(...(await restrictions(unit, config)));
  const nothing = { name, role: undefined, reached: false, census: undefined, coldCost: undefined };
  let store: Store;
  try {
    const open = await loadStores([url]);
    store = open(url, { schema, timeoutMs: timeout, connections: 1, onTrouble: () => {} });
  } catch (error) {
    return { ...nothing, database: scheme, findings: [...findings, problem(messageOf(error))] };
  }
  const report = { ...nothing, database: store.name };
  const path = sqlitePathOf(url);
  const closed = path === undefined ? undefined : readingProblem(path, user.name);
  if (closed !== undefined) return { ...report, findings: [...findings, problem(closed)] };
  let catalog: Catalog | undefined;
  try {
    catalog = await openCatalog(url, schema);
    const usable = await examineTables(catalog, schema, findings);
    const common = { ...report, role: catalog.role, reached: true };
    if (!usable) return { ...common, findings };
    await examineNames(catalog, schema, findings);
    await examineColumns(catalog, schema, findings);
    findings.push(...(await guardsOf(catalog)));
    if (kind.tells) findings.push(...(await examineTriggers(name, url, schema, config.listen)));
    // The same queries that the daemon sends.
    await store.accountByName(NOBODY);
    const cost = coldCost((await store.sample(SAMPLE)).encoded, policy, workers);
    const { findings: ofCensus, ...census } = await takeCensus(catalog.accounts(), policy);
    findings.push(...ofCensus, ...examineSqliteFile(url, user.name));
    return { ...common, census, coldCost: cost, findings };
  } catch (error) {
    const what = catalog === undefined ? 'cannot connect to the database' : 'a query failed';
    findings.push(problem(`${what}: ${messageOf(error)}`));
    return { ...report, role: catalog?.role, reached: catalog !== undefined, findings };
  } finally {
    await catalog?.close().catch(() => {});
    await store.close().catch(() => {});
  }
}

/** The files and hosts of a site that its unit keeps from the daemon. */
async function restrictions(unit: Unit, { database, password_file }: SiteConfig): Promise<Finding[]> {
  const found: (Finding | undefined)[] = [];
  const path = sqlitePathOf(database);
  if (path !== undefined) found.push(hiddenBy(unit, path, 'the database'));
  if (password_file?.startsWith('/')) found.push(hiddenBy(unit, password_file, 'the password file'));
  for (const [name, value] of new URLSearchParams(/\?([^#]*)/.exec(database)?.[1] ?? '')) {
    if (!value.startsWith('/')) continue;
    if (name === 'host' || name === 'socket') found.push(hiddenBy(unit, value, "the database's socket"));
    else if (/^ssl/.test(name)) found.push(hiddenBy(unit, value, 'the file'));
  }
  return [...found.filter((finding) => finding !== undefined), ...(await blockedHosts(unit, database))];
}

/** Columns that look like the flags of Django's user model, and that the configuration says the model does not have. */
async function examineColumns(catalog: Catalog, { user }: Schema, findings: Finding[]): Promise<void> {
  const flags = {
    active: 'every user is active',
    staff: 'requiring staff is a fault',
    superuser: 'requiring a superuser is a fault',
  };
  for (const table of [user.table, ...user.parents.map((parent) => parent.table)]) {
    const columns = await catalog.columns(table);
    for (const [flag, meaning] of Object.entries(flags) as [keyof typeof flags, string][]) {
      const column = columns.find((name) => name.toLowerCase() === `is_${flag}`);
      if (user[flag] !== undefined || column === undefined) continue;
      const value = table === user.table ? column : `${table}.${column}`;
      findings.push(
        warning(`column ${table}.${column} is not used: ${meaning}`, [`${flag} = ${JSON.stringify(value)}`]),
      );
    }
  }
}

/** Whether all tables and columns that a verdict needs exist and can be read. */
async function examineTables(catalog: Catalog, schema: Schema, findings: Finding[]): Promise<boolean> {
  const tables = tablesOf(schema);
  const states = [];
  for (const table of tables) states.push({ table, ...(await catalog.inspect(table)) });
  for (const { missing } of states) findings.push(...missing.map((sentence) => problem(sentence)));
  const unreadable = states.filter(({ readable }) => !readable).map(({ table }) => table);
  if (unreadable.length > 0) {
    const names = unreadable.map(({ name }) => name).join(', ');
    findings.push(
      problem(`permission denied: ${catalog.role} may not read ${names}`, await catalog.grants(unreadable)),
    );
  }
  const writable = await catalog.writable(tables);
  if (writable.length > 0) {
    const what = writable.length === tables.length ? 'all tables that the daemon reads' : writable.join(', ');
    findings.push(
      warning(`${catalog.role} may change ${what}; the daemon only reads: use a separate role with SELECT alone`),
    );
  }
  return states.every(({ missing, readable }) => missing.length === 0 && readable);
}

async function examineNames(catalog: Catalog, schema: Schema, findings: Finding[]): Promise<void> {
  const { table, column } = usernameOf(schema);
  if ((await catalog.indexed(table, column)) === false) {
    findings.push(
      warning(`no index on ${table}.${column}: each lookup reads all accounts`, catalog.index?.(table, column)),
    );
  }
  const shared = await catalog.sharedNames();
  if (shared === 0) return;
  const folds = schema.user.match === 'iexact' || (await catalog.foldsCase(table, column));
  const how = folds ? ` (comparisons of ${table}.${column} ignore case)` : '';
  findings.push(
    problem(
      `${counted(shared, 'username')} ${shared === 1 ? 'belongs' : 'belong'} to several accounts${how}: checks answer "error"`,
    ),
  );
}
