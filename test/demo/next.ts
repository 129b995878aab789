import { PROGRAM } from '../fixtures/daemon.ts';
import type { World } from './world.ts';

/** Something to look at while the demo runs: a command for a shell, and what it shows. */
export interface Look {
  readonly command: string;
  readonly about: string;
}

/** What to look at after the pages: a denial and where its reason is told, and the figures. */
export function looks({ apache, daemon, log }: World): Look[] {
  return [
    {
      command: `curl -i -u 'alice:wrong' ${apache.url}/staff/`,
      about: 'a wrong password: 401 and no word about why; the reason is in the log:',
    },
    { command: `tail -n 1 ${log}`, about: 'a line of JSON for each verdict' },
    {
      command: `${PROGRAM} stats --config ${daemon.configFile}`,
      about: 'the figures, with why people were denied; --watch redraws them each second',
    },
    {
      command: `${PROGRAM} explain bob --staff --config ${daemon.configFile}`,
      about: 'why bob is refused at /staff/: each requirement, and the value that decides',
    },
    { command: `curl ${apache.url}/django-status`, about: 'the status page: open it in a browser' },
  ];
}
