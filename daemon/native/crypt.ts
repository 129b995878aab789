import { messageOf } from '../fault.ts';
import { loadAddon } from './addon.ts';

interface Addon {
  crypt(password: Uint8Array, salt: string): string | null;
}

let loaded: Addon | { readonly because: string } | undefined;

/** Why DES crypt cannot be computed on this machine; undefined if it can. */
export function whyNoDesCrypt(): string | undefined {
  const addon = load();
  return 'because' in addon ? addon.because : undefined;
}

/**
 * DES crypt(3): the salt's two characters and eleven more. Looks at the low seven bits of the first eight octets. Blocks
 * this thread.
 *
 * @param password without NUL
 * @returns null if libcrypt computes nothing for this salt
 * @throws Error if it cannot be computed on this machine
 */
export function desCrypt(password: Uint8Array, salt: string): string | null {
  const addon = load();
  if ('because' in addon) throw new Error(addon.because);
  return addon.crypt(password, salt);
}

function load(): Addon | { readonly because: string } {
  loaded ??= attempt();
  return loaded;
}

function attempt(): Addon | { readonly because: string } {
  try {
    const addon = loadAddon<Addon>('crypt');
    // Some systems have a libcrypt without DES. One that computes anything else would deny every user.
    if (addon.crypt(Buffer.from('l\u00e8tmei'), 'ab') === 'ab1Hv2Lg7ltQo') return addon;
    return { because: "this system's libcrypt computes no DES" };
  } catch (error) {
    return { because: messageOf(error) };
  }
}
