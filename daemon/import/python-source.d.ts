declare module '*.py' {
  /** The file's content: the bundle carries it as text. */
  const source: string;
  export default source;
}
