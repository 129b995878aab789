import { BlockList, isIP } from 'node:net';

type Family = 'ipv4' | 'ipv6';
interface Address {
  readonly family: Family;
  readonly text: string;
}

/** IPv4 addresses as they look to a program that listens on IPv6, or behind a translator (RFC 4291, RFC 6052). */
const IPV4_WITHIN = [
  [0, 0, 0, 0, 0, 0xffff],
  [0x64, 0xff9b, 0, 0, 0, 0],
] as const;

/** An address without its zone; an IPv4 address within an IPv6 address is IPv4. undefined if it is none. */
function addressOf(text: string): Address | undefined {
  const family = isIP(text);
  if (family === 0) return undefined;
  if (family === 4) return { family: 'ipv4', text };
  const words = wordsOf(text);
  for (const prefix of IPV4_WITHIN) {
    if (!prefix.every((word, at) => words[at] === word)) continue;
    const [high = 0, low = 0] = words.slice(6);
    return { family: 'ipv4', text: `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}` };
  }
  return { family: 'ipv6', text: words.map((word) => word.toString(16)).join(':') };
}

/** The eight words of a valid IPv6 address. */
function wordsOf(text: string): number[] {
  const plain = text.replace(/%.*$/, '').replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...octets: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = octets.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [before = '', after] = plain.split('::');
  const parse = (part: string) => (part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16)));
  const head = parse(before);
  if (after === undefined) return head;
  const tail = parse(after);
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

/** The words of a source's network: an IPv6 host can take any address of its /64. */
const SOURCE_WORDS = 4;

/**
 * What counts as one source of questions: an IPv4 address, or the /64 of an IPv6 address; "" if the text is no address.
 */
export function sourceOf(text: string): string {
  const address = addressOf(text);
  if (address === undefined) return '';
  if (address.family === 'ipv4') return address.text;
  const words = address.text.split(':').slice(0, SOURCE_WORDS);
  return `${words.join(':').replace(/((^|:)0)+$/, '')}::/64`;
}

export const NETWORK_FORM = 'an address, or a network such as "192.0.2.0/24" or "2001:db8::/32"';

/** Whether a text is a network that `Networks` takes. */
export function isNetwork(text: string): boolean {
  const [, address = '', , prefix] = /^([^/%]+)(\/([0-9]{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(prefix ?? 0) <= (family === 4 ? 32 : 128);
}

/** A set of networks. */
export class Networks {
  readonly #list = new BlockList();

  /** @param networks each of which `isNetwork` accepts */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address = '', prefix] = network.split('/');
      const family: Family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
      this.#list.addSubnet(address, prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix), family);
    }
  }

  /** Whether one of the networks has the address; false if the text is no address. */
  has(text: string): boolean {
    const address = addressOf(text);
    return address !== undefined && this.#list.check(address.text, address.family);
  }
}
