import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { buildDirectory } from '../native/bundle.ts';

/** What a worker's JavaScript may take, in MB: next to nothing. What hashing itself takes is not in there. */
const LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 };

/** A thread that runs `runHashWorker`, from a bundle of its own: it needs no more than the hashers. */
export function startHashWorker(native: boolean): Worker {
  return new Worker(join(buildDirectory, 'hash-worker.js'), { workerData: { native }, resourceLimits: LIMITS });
}
