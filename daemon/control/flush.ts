import type { Reply } from '../../protocol/reply.ts';
import type { FlushRequest } from '../../protocol/request.ts';
import { STATUS } from '../../protocol/status.ts';
import type { Generation } from '../generation.ts';
import { shortened } from '../log/log.ts';
import { decodeTyped } from '../request/typed-text.ts';

/**
 * Removes accounts from memory, those of one site or one user if the request names it; without either, proofs as well.
 * The databases are read from scratch.
 */
export function flush({ site, username }: FlushRequest, { sites, proofs, returning, greylist }: Generation): Reply {
  if (site !== undefined && !sites.has(site)) return failed(`site "${shortened(site)}" is not configured`);
  if (site === undefined && username && sites.size > 1) {
    return failed(`${sites.size} sites are configured: a username needs a site`);
  }
  const name = username && decodeTyped(username);
  let flushed = 0;
  for (const each of sites.values()) {
    if (site !== undefined && each.name !== site) continue;
    each.store.reopen();
    flushed += each.accounts.flush(name);
  }
  if (site === undefined && name === undefined) {
    flushed += proofs.flush();
    returning.flush();
    greylist.flush();
  }
  return { status: STATUS.granted, content: { flushed } };
}

function failed(reason: string): Reply {
  return { status: STATUS.error, content: { reason } };
}
