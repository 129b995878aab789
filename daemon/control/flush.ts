import { isIP } from 'node:net';
import type { Reply } from '../../protocol/reply.ts';
import type { FlushRequest } from '../../protocol/request.ts';
import { STATUS } from '../../protocol/status.ts';
import type { Epoch } from '../epoch/epoch.ts';
import type { Generation } from '../generation.ts';
import { shortened } from '../log/names.ts';
import { decodeTyped } from '../request/typed-text.ts';

/**
 * Removes accounts from memory, those of one site or one user if the request names it; without either, proofs as well.
 * The databases are read from scratch, and no lease that was given before holds any more. With `throttle` debts are forgiven instead.
 */
export function flush(request: FlushRequest, generation: Generation, epoch: Epoch): Reply {
  const { site, username } = request;
  const { sites, proofs, returning, greylist } = generation;
  if (site !== undefined && !sites.has(site)) return failed(`site "${shortened(site)}" is not configured`);
  if (site === undefined && username && sites.size > 1) {
    return failed(`${sites.size} sites are configured: a username needs a site; name it by --site`);
  }
  const name = username && decodeTyped(username);
  if (request.throttle) return forgive(request, generation);
  if (request.address !== undefined) return failed('an address has no cache: it needs "throttle"');
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
  epoch.raise();
  return { status: STATUS.granted, content: { flushed } };
}

/** Forgets debts: those of a username, of a site's strangers together, of a source, or all. */
function forgive({ site, username, address }: FlushRequest, { sites, throttle }: Generation): Reply {
  const forgiven = (count: boolean | number): Reply => ({
    status: STATUS.granted,
    content: { flushed: Number(count) },
  });
  if (address !== undefined) {
    if (site !== undefined || username !== undefined) return failed('an address belongs to no site and no username');
    return isIP(address) === 0 ? failed('not an address') : forgiven(throttle.forgiveSource(address));
  }
  const named = site ?? (username && [...sites.keys()][0]);
  if (named === undefined) return forgiven(throttle.forgiveAll());
  return forgiven(username ? throttle.forgiveName(named, decodeTyped(username)) : throttle.forgiveSite(named));
}

function failed(reason: string): Reply {
  return { status: STATUS.error, content: { reason } };
}
