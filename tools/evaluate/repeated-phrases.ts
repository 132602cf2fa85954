const PHRASE_TOKENS = 4;

/** Counts the phrases of four tokens that occurred earlier in the same text. */
export function repeatedPhrases(tokens: readonly number[]): {
  readonly repeated: number;
  readonly of: number;
} {
  const said = new Set<string>();
  const of = Math.max(0, tokens.length - PHRASE_TOKENS + 1);
  let repeated = 0;
  for (let start = 0; start < of; start++) {
    const phrase = tokens.slice(start, start + PHRASE_TOKENS).join(' ');
    if (said.has(phrase)) repeated++;
    said.add(phrase);
  }
  return { repeated, of };
}
