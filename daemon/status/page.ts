import { FRAME_MAX } from '../../protocol/limits.ts';
import type { StatusFormat } from '../../protocol/request.ts';
import { PROMETHEUS_TYPE, toPrometheus } from '../metrics/prometheus.ts';
import type { Report, SiteReport } from '../metrics/report.ts';
import { toHtml } from './html.ts';
import { toText } from './text.ts';

export interface StatusPage {
  /** The media type. */
  readonly type: string;
  readonly body: string;
}

/** The largest body that fits a frame with the rest of a reply, in octets. */
const BODY_MAX = FRAME_MAX - 1024;

const FORMATS: Readonly<Record<StatusFormat, { type: string; write: (report: Report) => string }>> = {
  html: { type: 'text/html; charset=utf-8', write: toHtml },
  text: { type: 'text/plain; charset=utf-8', write: toText },
  prometheus: { type: PROMETHEUS_TYPE, write: toPrometheus },
  json: { type: 'application/json', write: (report) => `${JSON.stringify(report)}\n` },
};

/**
 * A report in one of the formats for administrators and programs. It always fits a frame: if there are too many sites
 * for that, sites are omitted, those with a database that is up first, and the page says how many.
 */
export function statusPage(report: Report, format: StatusFormat): StatusPage {
  const { type, write } = FORMATS[format];
  const clean: Report = { ...report, sites: report.sites.map(cleanSite), throttle: cleanThrottle(report.throttle) };
  let body = write(clean);
  if (Buffer.byteLength(body) > BODY_MAX) {
    const sites = clean.sites.toSorted((a, b) => urgency(b) - urgency(a));
    const writeFirst = (count: number) =>
      write({ ...clean, sites: sites.slice(0, count), sites_omitted: sites.length - count });
    let fits = 0;
    let over = sites.length;
    while (over - fits > 1) {
      const count = (fits + over) >> 1;
      if (Buffer.byteLength(writeFirst(count)) <= BODY_MAX) fits = count;
      else over = count;
    }
    body = writeFirst(fits);
  }
  return { type, body };
}

function urgency({ database }: SiteReport): number {
  return database.up === false ? 2 : database.up === null ? 1 : 0;
}

/** Longer names are cut to this many characters; the configuration does not limit them. */
const NAME_MAX = 200;

/** Characters that a page, a terminal or a C string cannot show, or that change the direction of the text around them. */
const CONTROLS = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

function clean(text: string): string {
  const short = text.length > NAME_MAX ? `${text.slice(0, NAME_MAX)}…` : text;
  return short.replace(CONTROLS, '\ufffd');
}

function cleanThrottle(throttle: Report['throttle']): Report['throttle'] {
  const refused = throttle.refused.map((each) => ({ ...each, site: clean(each.site), who: clean(each.who) }));
  return { ...throttle, refused };
}

function cleanSite(site: SiteReport): SiteReport {
  const { database, hearing } = site;
  const { last_failure } = database;
  return {
    ...site,
    name: clean(site.name),
    database: {
      ...database,
      name: clean(database.name),
      last_failure: last_failure && { ...last_failure, message: clean(last_failure.message) },
    },
    hearing: hearing && { ...hearing, reason: hearing.reason && clean(hearing.reason) },
  };
}
