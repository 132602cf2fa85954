const MOST_NAMED = 3;

/** Names in a sentence: the first few, and how many more there are. */
export function namesOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  const first = names.slice(0, MOST_NAMED).map((name) => name.slice(0, 100));
  return first.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
