import { FRAME_MAX } from '../../protocol/limits.ts';
import type { StatusFormat } from '../../protocol/request.ts';
import { PROMETHEUS_TYPE, toPrometheus } from '../metrics/prometheus.ts';
import type { Report, SiteReport } from '../metrics/report.ts';
import { toHtml } from './html.ts';
import { toText } from './text.ts';

export interface StatusPage {
  /** Its media type. */
  readonly type: string;
  readonly body: string;
}

/** What of a frame is left for a body. */
const BODY_MAX = FRAME_MAX - 1024;

const FORMATS: Readonly<Record<StatusFormat, { type: string; write: (report: Report, refresh?: number) => string }>> = {
  html: { type: 'text/html; charset=utf-8', write: toHtml },
  text: { type: 'text/plain; charset=utf-8', write: toText },
  prometheus: { type: PROMETHEUS_TYPE, write: toPrometheus },
  json: { type: 'application/json', write: (report) => `${JSON.stringify(report)}\n` },
};

/**
 * How the daemon does, to be shown to an administrator. It fits a frame: where there are too many sites for that, those
 * that are well are left out first, and the page says how many.
 */
export function statusPage(report: Report, format: StatusFormat, refresh?: number): StatusPage {
  const { type, write } = FORMATS[format];
  const clean: Report = { ...report, sites: report.sites.map(withoutControls) };
  let body = write(clean, refresh);
  if (Buffer.byteLength(body) > BODY_MAX) {
    // What an administrator has to see comes first, whatever has to go.
    const sites = clean.sites.toSorted((a, b) => urgency(b) - urgency(a));
    let fits = 0;
    let over = sites.length;
    while (over - fits > 1) {
      const count = (fits + over) >> 1;
      const tried = write({ ...clean, sites: sites.slice(0, count), sites_left_out: sites.length - count }, refresh);
      if (Buffer.byteLength(tried) <= BODY_MAX) fits = count;
      else over = count;
    }
    body = write({ ...clean, sites: sites.slice(0, fits), sites_left_out: sites.length - fits }, refresh);
  }
  return { type, body };
}

function urgency({ database }: SiteReport): number {
  return database.up === false ? 2 : database.up === null ? 1 : 0;
}

/** The longest that a name may be, in characters: the configuration sets no bound. */
const NAME_MAX = 200;

/** What no page, no terminal and no C text can show as it is, or what turns the text around it about. */
const CONTROLS = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

function clean(text: string): string {
  const short = text.length > NAME_MAX ? `${text.slice(0, NAME_MAX)}…` : text;
  return short.replace(CONTROLS, '\ufffd');
}

function withoutControls(site: SiteReport): SiteReport {
  const { database } = site;
  const { last_failure } = database;
  return {
    ...site,
    name: clean(site.name),
    database: {
      ...database,
      name: clean(database.name),
      last_failure: last_failure && { ...last_failure, message: clean(last_failure.message) },
    },
  };
}
