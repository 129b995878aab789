/** The absolute path in `sqlite:///path`, percent-decoded; undefined if the URL has another form. */
export function pathOf(url: string): string | undefined {
  const match = /^sqlite:\/\/(\/[^?#]+)$/.exec(url);
  if (!match) return undefined;
  try {
    return decodeURIComponent(match[1] as string);
  } catch {
    return undefined;
  }
}
