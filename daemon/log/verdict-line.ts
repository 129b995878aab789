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
  /** Where to look. */
  readonly hint?: string | undefined;
  readonly verdict: string;
}

/**
 * The line of a verdict, octet for octet as pino writes it. Every check writes one, and pino, which is ready for any object,
 * takes as long for it as the check takes to be decided.
 */
export function verdictLine(line: VerdictLine): string {
  const { level, time, site, user, service, address, reason, asker, ms, cached, hint, verdict } = line;
  let text = headOf(level, time, site);
  if (user !== undefined) text += `,"user":${textOf(user)}`;
  text += clientOf(service, address);
  if (reason !== undefined) text += `,"reason":${textOf(reason)}`;
  if (asker !== undefined) text += `,"uid":${asker.uid},"pid":${asker.pid}`;
  text += `,"ms":${Math.round(ms * 1000) / 1000},"cached":${cached}`;
  if (hint !== undefined) text += `,"hint":${textOf(hint)}`;
  return `${text},"msg":"${verdict}"}\n`;
}

// What one line after the other has in common is made once.
let head = { level: 0, time: '', site: '' as string | undefined, text: '' };
let client = { service: '', address: '', text: ',"service":"","address":""' };

function headOf(level: number, time: string, site: string | undefined): string {
  if (head.time !== time || head.level !== level || head.site !== site) {
    const text = `{"level":${level}${time}${site === undefined ? '' : `,"site":${textOf(site)}`}`;
    head = { level, time, site, text };
  }
  return head.text;
}

function clientOf(service: string, address: string): string {
  if (client.service !== service || client.address !== address) {
    client = { service, address, text: `,"service":${textOf(service)},"address":${textOf(address)}` };
  }
  return client.text;
}

function textOf(text: string): string {
  return isPlain(text) ? `"${text}"` : JSON.stringify(text);
}
