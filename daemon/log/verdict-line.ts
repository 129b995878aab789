import { isPlain } from './names.ts';

/** What the line of a verdict says. What is undefined is left out. */
export interface VerdictLine {
  /** pino's number of the level. */
  readonly level: number;
  /** `,"time":"…"`, as the other lines of the log have it. */
  readonly time: string;
  // As they may be written:
  readonly site: string | undefined;
  readonly user: string | undefined;
  readonly service: string;
  readonly address: string;
  readonly reason: string | undefined;
  /** The process that asked. */
  readonly asker: { readonly uid: number; readonly pid: number } | undefined;
  readonly ms: number;
  readonly cached: boolean;
  readonly verdict: string;
}

/**
 * The line of a verdict, octet for octet as pino writes it. Every check writes one, and pino, which is ready for any object,
 * takes as long for it as the check takes to be decided.
 */
export function verdictLine(line: VerdictLine): string {
  const { level, time, site, user, service, address, reason, asker, ms, cached, verdict } = line;
  let text = `{"level":${level}${time}`;
  if (site !== undefined) text += `,"site":${textOf(site)}`;
  if (user !== undefined) text += `,"user":${textOf(user)}`;
  text += `,"service":${textOf(service)},"address":${textOf(address)}`;
  if (reason !== undefined) text += `,"reason":${textOf(reason)}`;
  if (asker !== undefined) text += `,"uid":${asker.uid},"pid":${asker.pid}`;
  return `${text},"ms":${Math.round(ms * 1000) / 1000},"cached":${cached},"msg":"${verdict}"}\n`;
}

function textOf(text: string): string {
  return isPlain(text) ? `"${text}"` : JSON.stringify(text);
}
