import { existsSync } from 'node:fs';
import type { Connection, Driver, OpenOptions, Statement } from './driver.ts';

// The part of node:sqlite that is used here: the types of the oldest supported Node.js do not contain it.
interface NodeSqlite {
  readonly DatabaseSync: new (path: string, options: { readOnly: boolean; timeout: number }) => DatabaseSync;
}

interface DatabaseSync {
  readonly isOpen: boolean;
  prepare(sql: string): StatementSync;
  exec(sql: string): void;
  close(): void;
}

interface StatementSync {
  all(...parameters: unknown[]): NodeRow[];
  get(...parameters: unknown[]): NodeRow | undefined;
  iterate(...parameters: unknown[]): Iterable<NodeRow>;
  run(...parameters: unknown[]): unknown;
  setReadBigInts(enabled: boolean): void;
}

type NodeRow = Record<string, unknown>;

/** SQLite's names of its result codes (sqlite3.h), at their numbers; of the extended ones those with a meaning here. */
const CODES = (
  'OK ERROR INTERNAL PERM ABORT BUSY LOCKED NOMEM READONLY INTERRUPT IOERR CORRUPT NOTFOUND FULL CANTOPEN PROTOCOL ' +
  'EMPTY SCHEMA TOOBIG CONSTRAINT MISMATCH MISUSE NOLFS AUTH FORMAT RANGE NOTADB'
).split(' ');
const EXTENDED: Readonly<Record<number, string>> = {
  261: 'BUSY_RECOVERY',
  517: 'BUSY_SNAPSHOT',
  264: 'READONLY_RECOVERY',
  776: 'READONLY_ROLLBACK',
  1288: 'READONLY_CANTINIT',
  1544: 'READONLY_DIRECTORY',
};

/** Node.js's own SQLite with the interface of better-sqlite3. */
export function nodeDriver(): Driver {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite' as 'node:fs') as unknown as NodeSqlite;
  return {
    name: 'node:sqlite',
    open: (path, options) => new NodeConnection(open(DatabaseSync, path, options)),
    codeOf,
  };
}

function open(DatabaseSync: NodeSqlite['DatabaseSync'], path: string, options: OpenOptions): DatabaseSync {
  // SQLite would create the file.
  if (!options.readonly && !existsSync(path)) throw new Error('unable to open database file');
  return new DatabaseSync(path, { readOnly: options.readonly, timeout: options.timeout });
}

export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (code !== 'ERR_SQLITE_ERROR' || typeof errcode !== 'number') return undefined;
  const name = EXTENDED[errcode] ?? CODES[errcode & 0xff];
  return name === undefined ? 'SQLITE_ERROR' : `SQLITE_${name}`;
}

class NodeConnection implements Connection {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  prepare<Parameters extends unknown[], Row>(sql: string): Statement<Parameters, Row> {
    return new NodeStatement<Parameters, Row>(this.#database.prepare(sql));
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  pragma(text: string, options?: { readonly simple?: boolean }): unknown {
    const statement = this.prepare(`pragma ${text}`);
    return options?.simple ? statement.pluck().get() : statement.all();
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

class NodeStatement<Parameters extends unknown[], Row> implements Statement<Parameters, Row> {
  readonly #statement: StatementSync;
  #safeIntegers = false;
  #pluck = false;

  constructor(statement: StatementSync) {
    statement.setReadBigInts(true); // Node.js throws on a number beyond 2^53
    this.#statement = statement;
  }

  all(...parameters: Parameters): Row[] {
    return this.#statement.all(...parameters).map((row) => this.#read(row));
  }

  get(...parameters: Parameters): Row | undefined {
    const row = this.#statement.get(...parameters);
    return row === undefined ? undefined : this.#read(row);
  }

  *iterate(...parameters: Parameters): Iterable<Row> {
    for (const row of this.#statement.iterate(...parameters)) yield this.#read(row);
  }

  run(...parameters: Parameters): unknown {
    return this.#statement.run(...parameters);
  }

  safeIntegers(): this {
    this.#safeIntegers = true;
    return this;
  }

  pluck(): this {
    this.#pluck = true;
    return this;
  }

  #read(row: NodeRow): Row {
    if (!this.#safeIntegers) {
      for (const name in row) if (typeof row[name] === 'bigint') row[name] = Number(row[name]);
    }
    return (this.#pluck ? Object.values(row)[0] : row) as Row;
  }
}
