declare module '*.py' {
  /** The file's content: the bundle includes it as text. */
  const source: string;
  export default source;
}
