import { isMainThread } from 'node:worker_threads';

// One file is both the program and its hash workers; each loads only what it needs, for start-up time is counted.
if (isMainThread) {
  void import('./command/program.ts').then(({ run }) => run(process.argv.slice(2), process.argv[1] as string));
} else {
  void import('./hasher/worker.ts').then(({ runHashWorker }) => runHashWorker());
}
