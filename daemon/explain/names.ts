import { USERNAME_OCTETS_MAX } from '../policy/limits.ts';
import type { Site } from '../site/site.ts';

/** What is to be said about a name that an account has, beside its spelling. */
export function notesOnFound(asked: string, username: string, site: Site): string[] {
  const notes = ofDoors(asked);
  if (asked === username) return notes;
  const compared = site.schema.user.match ?? 'exact';
  if (asked.normalize('NFC') === username.normalize('NFC')) {
    return [...notes, 'the database spells the name in another Unicode form'];
  }
  if (asked.toLowerCase() === username.toLowerCase()) {
    const who = compared === 'exact' ? 'the database compares names' : `match = "${compared}" compares names`;
    return [...notes, `the case differs: ${who} without regard to it`];
  }
  return [...notes, 'the database takes the two spellings for one name'];
}

/**
 * What is to be said about a name that no account has: an account with a name that is almost the same. Reads the
 * database for each of a few other spellings. Rejects with its fault.
 */
export async function notesOnMissing(asked: string, site: Site): Promise<string[]> {
  const notes = ofDoors(asked);
  for (const [how, name] of spellingsOf(asked)) {
    const account = await site.store.accountByName(name);
    if (account === null) continue;
    notes.push(`there is an account ${JSON.stringify(account.username)}: ${how}`);
    break;
  }
  return notes;
}

/** What is to be said about a name without a look at accounts: why a door could not carry it. */
export function ofDoors(name: string): string[] {
  const notes: string[] = [];
  if (name.includes(':')) notes.push('the name has a colon, which HTTP Basic cannot carry');
  if (name.includes('\0')) notes.push('the name has a NUL, which no account has');
  if (Buffer.byteLength(name) > USERNAME_OCTETS_MAX) {
    notes.push(
      `the name has more than ${USERNAME_OCTETS_MAX.toLocaleString('en')} octets, and is denied without a look`,
    );
  }
  return notes;
}

/** Other spellings of a name, and what is different about each. None that is too long or that the database refuses. */
function spellingsOf(asked: string): [how: string, name: string][] {
  const trimmed = asked.trim();
  const lower = trimmed.toLowerCase();
  const differs = 'names are compared exactly, and the case differs';
  const form = 'the same characters in another Unicode form, and Django normalises only the names that its forms take';
  const all: [string, string][] = [
    ['the name as asked has spaces around it', trimmed],
    [form, trimmed.normalize('NFC')],
    [form, trimmed.normalize('NFKC')],
    [form, trimmed.normalize('NFD')],
    [differs, lower],
    [differs, lower.charAt(0).toUpperCase() + lower.slice(1)],
    [differs, trimmed.toUpperCase()],
    ['the name as asked has a domain in front of it', trimmed.replace(/^.*\\/s, '')],
    ['the name as asked has a realm or a domain behind it', trimmed.replace(/@.*$/s, '')],
  ];
  const others = new Map<string, string>();
  for (const [how, name] of all) {
    const usable =
      name !== '' && name !== asked && !name.includes('\0') && Buffer.byteLength(name) <= USERNAME_OCTETS_MAX;
    if (usable && !others.has(name)) others.set(name, how);
  }
  return [...others].map(([name, how]) => [how, name]);
}
