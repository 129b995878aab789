import { USERNAME_MAX } from '../../protocol/limits.ts';
import type { Reply } from '../../protocol/reply.ts';
import { BadRequest, type GroupsRequest } from '../../protocol/request.ts';
import { STATUS } from '../../protocol/status.ts';
import { Fault, messageOf } from '../fault.ts';
import { locate } from '../site/locate.ts';
import type { Site } from '../site/site.ts';
import type { Cursor, Membership } from '../store/membership.ts';

/** Limit of memberships read for one page: the database is busy for milliseconds, not for the whole list. */
const ROWS_MAX = 2_000;

/** Limit of a page's names, in octets; the rest of the frame is for what surrounds them. */
const PAGE_OCTETS = 56_000;

/** Octets that MessagePack puts, at most, before a name, and before a group and its list. */
const NAME_HEAD = 3;
const GROUP_HEAD = 9;

/** The longest name of a group, in octets. Django's have up to 150 characters. */
const GROUP_MAX = 1_024;

type Group = [name: string, members: string[]];

/** One page of the groups and their members. @throws BadRequest, synchronously, for an `after` that no reply contained */
export function groupsPage(request: GroupsRequest, sites: ReadonlyMap<string, Site>): Promise<Reply> {
  const after = request.after === undefined ? undefined : cursorOf(request.after);
  if (after === null) {
    throw new BadRequest(request.id, 'argument "after" of groups is not the "next" of a reply');
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

/** As many of the rows as fit a frame, by group. Names that no check accepts, or that C cannot hold, are omitted. */
function pageOf(rows: readonly Membership[]): { groups: Group[]; taken: number } {
  const groups: Group[] = [];
  let octets = 0;
  let current: { readonly id: string; readonly members: string[] } | undefined;
  for (const [taken, { group, member, cursor }] of rows.entries()) {
    if (!isName(group, GROUP_MAX)) continue;
    const name = member !== undefined && isName(member, USERNAME_MAX) ? member : undefined;
    const begins = cursor[0] !== current?.id;
    octets += begins ? GROUP_HEAD + Buffer.byteLength(group) : 0;
    octets += name === undefined ? 0 : NAME_HEAD + Buffer.byteLength(name);
    if (octets > PAGE_OCTETS) return { groups, taken };
    if (begins) {
      current = { id: cursor[0], members: [] };
      groups.push([group, current.members]);
    }
    if (name !== undefined) current?.members.push(name);
  }
  return { groups, taken: rows.length };
}

function isName(name: string, limit: number): boolean {
  return name !== '' && !name.includes('\0') && Buffer.byteLength(name) <= limit;
}

/** null if the daemon did not write the text. */
function cursorOf(text: string): Cursor | null {
  let cursor: unknown;
  try {
    cursor = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(cursor) || cursor.length !== 2) return null;
  const [group, user] = cursor;
  return typeof group === 'string' && (typeof user === 'string' || user === null) ? [group, user] : null;
}
