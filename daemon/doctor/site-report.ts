import type { SiteConfig } from '../config/schema.ts';
import { messageOf } from '../fault.ts';
import type { HashBounds } from '../site/hash-policy.ts';
import { databaseOf, loadStores } from '../store/databases.ts';
import type { Schema } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { Catalog } from './catalog.ts';
import { type Census, takeCensus } from './census.ts';
import { type ColdCost, coldCost } from './cold-cost.ts';
import { counted, type Finding, problem, warning } from './finding.ts';
import { examineSqliteFile } from './places.ts';
import { tablesOf, usernameOf } from './tables.ts';

/** What the doctor found of a site. What could not be seen is undefined. */
export interface SiteReport {
  readonly name: string;
  /** What the database is called in messages; without a password. */
  readonly database: string;
  /** Whom it takes the daemon for. */
  readonly role: string | undefined;
  readonly reached: boolean;
  readonly census: Omit<Census, 'findings'> | undefined;
  readonly coldCost: ColdCost | undefined;
  readonly findings: readonly Finding[];
}

type OpenCatalog = (url: string, schema: Schema) => Promise<Catalog>;

/** By the name of a store's kind, which its URL's scheme leads to. Loaded only where a site needs it. */
const catalogs: Readonly<Record<string, () => Promise<OpenCatalog>>> = {
  sqlite: async () => (await import('./sqlite-catalog.ts')).openSqlite,
  postgres: async () => (await import('./postgres-catalog.ts')).openPostgres,
  mysql: async () => (await import('./mysql-catalog.ts')).openMysql,
};

/** How many hashes the daemon looks at to find out what they cost. */
const SAMPLE = 500;

/** A name that no account has: what answers a question about it answers any. */
const NOBODY = 'djauthd doctor';

/** Looks at a site's database as the daemon will. Never rejects: what goes wrong is a finding. */
export async function examineSite(
  name: string,
  config: SiteConfig,
  bounds: HashBounds,
  workers: number,
): Promise<SiteReport> {
  const { database: url, schema, timeout } = config;
  const findings: Finding[] = [];
  const kind = databaseOf(url);
  // The configuration has been checked: there is such a kind of database.
  if (kind === undefined) throw new Error(`no database is spoken for site ${name}`);
  const scheme = kind.schemes[0] as string;
  const nothing = { name, role: undefined, reached: false, census: undefined, coldCost: undefined };
  let store: Store;
  try {
    const open = await loadStores([url]);
    store = open(url, { schema, timeoutMs: timeout, connections: 1, onTrouble: () => {} });
  } catch (error) {
    return { ...nothing, database: scheme, findings: [problem(messageOf(error))] };
  }
  const report = { ...nothing, database: store.name };
  let catalog: Catalog | undefined;
  try {
    catalog = await (await catalogs[scheme]?.())?.(url, schema);
    if (catalog === undefined) throw new Error(`nothing is known of such a database`);
    const usable = await examineTables(catalog, schema, findings);
    const common = { ...report, role: catalog.role, reached: true };
    if (!usable) return { ...common, findings };
    await examineNames(catalog, schema, findings);
    // The very questions that the daemon asks.
    await store.accountByName(NOBODY);
    const cost = coldCost(await store.sample(SAMPLE), config.hashers, bounds, workers);
    const { findings: ofCensus, ...census } = await takeCensus(catalog.accounts(), config, bounds);
    findings.push(...ofCensus, ...examineSqliteFile(url));
    return { ...common, census, coldCost: cost, findings };
  } catch (error) {
    const what = catalog === undefined ? 'cannot be reached' : 'does not answer as it should';
    findings.push(problem(`the database ${what}: ${messageOf(error)}`));
    return { ...report, role: catalog?.role, reached: catalog !== undefined, findings };
  } finally {
    await catalog?.close().catch(() => {});
    await store.close().catch(() => {});
  }
}

/** Whether all that a verdict needs is there and can be read. */
async function examineTables(catalog: Catalog, schema: Schema, findings: Finding[]): Promise<boolean> {
  const tables = tablesOf(schema);
  const states = [];
  for (const table of tables) states.push({ table, ...(await catalog.look(table)) });
  for (const { missing } of states) findings.push(...missing.map((sentence) => problem(sentence)));
  const unreadable = states.filter(({ readable }) => !readable).map(({ table }) => table);
  if (unreadable.length > 0) {
    const names = unreadable.map(({ name }) => name).join(', ');
    findings.push(problem(`${catalog.role} may not read ${names}`, await catalog.grants(unreadable)));
  }
  const writable = await catalog.writable(tables);
  if (writable.length > 0) {
    const what = writable.length === tables.length ? 'all tables that are read here' : writable.join(', ');
    findings.push(
      warning(`${catalog.role} may change ${what}; the daemon only reads: a role of its own, with SELECT, is enough`),
    );
  }
  return states.every(({ missing, readable }) => missing.length === 0 && readable);
}

async function examineNames(catalog: Catalog, schema: Schema, findings: Finding[]): Promise<void> {
  const { table, column } = usernameOf(schema);
  if (!(await catalog.indexed(table, column))) {
    findings.push(warning(`there is no index on ${table}.${column}: each look-up reads all accounts`));
  }
  const shared = await catalog.sharedNames();
  if (shared === 0) return;
  const how = (await catalog.foldsCase(table, column))
    ? `, where upper and lower case are the same to ${table}.${column}`
    : '';
  findings.push(
    problem(`${counted(shared, 'name')} ${shared === 1 ? 'is' : 'are'} of several accounts${how}: they answer "error"`),
  );
}
