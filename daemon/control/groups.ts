import { USERNAME_MAX } from '../../protocol/limits.ts';
import type { Reply } from '../../protocol/reply.ts';
import { BadRequest, type GroupsRequest } from '../../protocol/request.ts';
import { STATUS } from '../../protocol/status.ts';
import { Fault, messageOf } from '../fault.ts';
import { locate } from '../site/locate.ts';
import type { Site } from '../site/site.ts';
import type { Cursor, Membership } from '../store/membership.ts';

/** The most memberships that are read for one page: the database is held up for milliseconds, not for all of them. */
const ROWS_MAX = 2_000;

/** What a page's names may take of a frame, in octets; the rest is for what stands around them. */
const PAGE_OCTETS = 56_000;

/** The most octets that MessagePack puts before a name, and before a group and its list. */
const NAME_HEAD = 3;
const GROUP_HEAD = 9;

/** The longest name of a group, in octets. Django's are of 150 characters. */
const GROUP_MAX = 1_024;

type Group = [name: string, members: string[]];

/** One page of who is in which group. @throws BadRequest at once, for an `after` that no reply ever said */
export function groupsPage(request: GroupsRequest, sites: ReadonlyMap<string, Site>): Promise<Reply> {
  const after = request.after === undefined ? undefined : cursorOf(request.after);
  if (after === null) {
    throw new BadRequest(request.id, 'argument "after" of groups is not what a reply said under "next"');
  }
  return read(request.site, after, sites).catch((error) => ({
    status: STATUS.error,
    content: { reason: messageOf(error) },
  }));
}

async function read(name: string | undefined, after: Cursor | undefined, sites: ReadonlyMap<string, Site>) {
  const site = locate(name, sites);
  const rows = await site.store.memberships(after, ROWS_MAX);
  if (rows === undefined) throw new Fault(`the user model of site "${site.name}" has no groups`);
  const { groups, taken } = pageOf(rows);
  const last = rows[taken - 1];
  const more = last !== undefined && (taken < rows.length || rows.length === ROWS_MAX);
  return { status: STATUS.granted, content: { groups, ...(more ? { next: JSON.stringify(last.cursor) } : {}) } };
}

/** As many of the rows as a frame takes, by group. Left out is what nobody can get in by, and what C cannot name. */
function pageOf(rows: readonly Membership[]): { groups: Group[]; taken: number } {
  const groups: Group[] = [];
  let octets = 0;
  let current: { readonly id: string; readonly members: string[] } | undefined;
  for (const [taken, { group, member, cursor: at }] of rows.entries()) {
    if (!isName(group, GROUP_MAX)) continue;
    const name = member !== undefined && isName(member, USERNAME_MAX) ? member : undefined;
    const begins = at[0] !== current?.id;
    octets += begins ? GROUP_HEAD + Buffer.byteLength(group) : 0;
    octets += name === undefined ? 0 : NAME_HEAD + Buffer.byteLength(name);
    if (octets > PAGE_OCTETS) return { groups, taken };
    if (begins) {
      current = { id: at[0], members: [] };
      groups.push([group, current.members]);
    }
    if (name !== undefined) current?.members.push(name);
  }
  return { groups, taken: rows.length };
}

function isName(name: string, most: number): boolean {
  return name !== '' && !name.includes('\0') && Buffer.byteLength(name) <= most;
}

/** null where the text is none that we wrote. */
function cursorOf(text: string): Cursor | null {
  let place: unknown;
  try {
    place = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(place) || place.length !== 2) return null;
  const [group, user] = place;
  return typeof group === 'string' && (typeof user === 'string' || user === null) ? [group, user] : null;
}
