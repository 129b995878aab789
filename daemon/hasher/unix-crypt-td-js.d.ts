declare module 'unix-crypt-td-js' {
  /** DES crypt(3): the salt's two characters and eleven more. Looks at the low seven bits of eight octets. */
  export default function crypt(password: readonly number[], salt: string): string;
}
