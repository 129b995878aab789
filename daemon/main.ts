import { run } from './command/program.ts';

void run(process.argv.slice(2));
