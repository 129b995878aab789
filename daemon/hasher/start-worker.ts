import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { buildDirectory } from '../native/bundle.ts';

/** The heap of a worker, in MB: it needs little. The memory that hashing itself takes is not part of it. */
const LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 };

/** Starts a thread that runs `runHashWorker`, from a bundle of its own that contains only the hashers. */
export function startHashWorker(native: boolean): Worker {
  return new Worker(join(buildDirectory, 'hash-worker.js'), { workerData: { native }, resourceLimits: LIMITS });
}
