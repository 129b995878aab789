import type { Driver } from './driver.ts';
import { betterDriver } from './driver-better.ts';
import { nodeDriver } from './driver-node.ts';

/**
 * Node.js's own SQLite from version 24 on, where it is complete and prints no warning; better-sqlite3 before.
 *
 * @throws Error if that is not installed
 */
export const driver: Driver = hasNodeSqlite() ? nodeDriver() : betterDriver();

function hasNodeSqlite(): boolean {
  return Number.parseInt(process.versions.node, 10) >= 24;
}
