import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { buildDirectory } from '../native/bundle.ts';

/** A thread that runs `runHashWorker`, from a bundle of its own: it needs no more than the hashers. */
export function startHashWorker(native: boolean): Worker {
  return new Worker(join(buildDirectory, 'hash-worker.js'), { workerData: { native } });
}
