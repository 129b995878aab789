import { join } from 'node:path';
import { PYTHON } from './machine.ts';
import { dialogue } from './processes.ts';
import type { Stage } from './stage.ts';

const PROGRAM = join(import.meta.dirname, 'python/fcgi_authorizer.py');

/** A setting of Django's DATABASES. */
export interface DjangoDatabase {
  readonly ENGINE: string;
  readonly NAME: string;
  readonly HOST?: string;
  readonly USER?: string;
}

/**
 * Starts Django as a FastCGI application, with one process for each core.
 *
 * @param iterations those of the stored hashes; with others Django would write them anew
 * @returns the port on 127.0.0.1
 */
export async function startFcgi(stage: Stage, database: DjangoDatabase, iterations: number): Promise<number> {
  const application = dialogue(PYTHON, [
    ...[PROGRAM, String(stage.cores), String(iterations)],
    JSON.stringify(database),
  ]);
  stage.atEnd(() => application.end());
  return (await application.answer()).port;
}
