import { runHashWorker } from './worker.ts';

runHashWorker();
