import { GUARDS } from '../site/guards.ts';
import type { Introspection } from './introspection.ts';
import type { Note } from './note.ts';

/** Applications that ask for more than a password, or lock users out, where djauthd does not. */
export function ofSecondFactors({ apps }: Introspection): Note[] {
  return GUARDS.filter(({ packages }) => packages.some((name) => apps.includes(name))).map(({ name, bypassed }) => ({
    text: `the site uses ${name}: ${bypassed}`,
    accept: 'second-factor',
  }));
}
