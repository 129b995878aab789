import { connect } from '../store/postgres/connect.ts';
import { SESSION_OPTIONS } from '../store/postgres/session.ts';
import { inspectTriggers, type TriggerState } from '../store/postgres/trigger-catalog.ts';
import { createStatements, dropStatements } from '../store/postgres/triggers.ts';
import { settingsOf } from '../store/postgres/url.ts';
import type { Schema } from '../store/schema.ts';
import { QUERY_TIMEOUT_MS } from './catalog.ts';
import { type Finding, problem, warning } from './finding.ts';

/** The triggers of a site as they are, and the statements that make and remove them. */
export interface SiteTriggers extends TriggerState {
  readonly create: readonly string[];
  readonly drop: readonly string[];
}

/** Looks at a PostgreSQL database as the daemon's role. Rejects with the database's error. */
export async function triggersOf(url: string, schema: Schema): Promise<SiteTriggers> {
  const client = await connect(settingsOf(url), {
    applicationName: 'djauthd triggers',
    statementTimeoutMs: QUERY_TIMEOUT_MS,
    startup: SESSION_OPTIONS,
    timeoutMs: QUERY_TIMEOUT_MS / 6,
  });
  try {
    const state = await inspectTriggers(
      async (sql, parameters) => (await client.query(sql, [...parameters])).rows,
      schema,
    );
    return {
      ...state,
      create: createStatements(schema, state.relations),
      drop: dropStatements(schema, state.relations),
    };
  } finally {
    await client.end();
  }
}

/** What the administrator should know of a site's triggers. */
export async function examineTriggers(name: string, url: string, schema: Schema, listen: boolean): Promise<Finding[]> {
  const { found, mute, obstacles, problems } = await triggersOf(url, schema);
  const command = `djauthd triggers --site ${name} | psql DATABASE`;
  if (!listen) {
    if (!found) return [];
    return [
      warning('the database tells of changes, and nobody listens: set listen = true, or remove the triggers', [
        `djauthd triggers --site ${name} --drop | psql DATABASE`,
      ]),
    ];
  }
  const because = [mute, ...obstacles].find((each) => each !== undefined);
  if (because !== undefined) return [problem(`changes of accounts cannot be heard: ${because}`)];
  const [first, ...others] = problems;
  if (first === undefined) return [];
  const more = others.length === 0 ? '' : `, and ${others.length} more`;
  return [problem(`changes of accounts cannot be heard: ${first}${more}`, [command])];
}
