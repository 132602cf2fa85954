/** What a pattern finds in a text, and what a `Split` makes of it, as in the tokenizers library of Rust. */

const behaviors = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;
export type Behavior = (typeof behaviors)[number];

export const isBehavior = (said: unknown): said is Behavior => behaviors.some((known) => known === said);

/** Parts that cover a text: where each begins and ends, and whether the pattern matched it. */
export type Matches = readonly (readonly [from: number, to: number, matched: boolean])[];

/** @param pattern global, and with the flag u */
export function matchesOf(pattern: RegExp, text: string): Matches {
  const parts: (readonly [number, number, boolean])[] = [];
  let done = 0;
  for (const [from, to] of found(pattern, text)) {
    if (done < from) parts.push([done, from, false]);
    parts.push([from, to, true]);
    done = to;
  }
  if (done < text.length) parts.push([done, text.length, false]);
  return parts;
}

/** A text with `content` for all that a pattern finds. */
export function replaceAll(pattern: RegExp, text: string, content: string): string {
  return matchesOf(pattern, text)
    .map(([from, to, matched]) => (matched ? content : text.slice(from, to)))
    .join('');
}

/** Where a pattern matches, without empty matches right behind another and within a character. */
function* found(pattern: RegExp, text: string): Generator<readonly [from: number, to: number]> {
  let last = -1;
  for (const match of text.matchAll(pattern)) {
    const from = match.index;
    const to = from + match[0].length;
    if (from === to && (from === last || isWithinCharacter(text, from))) continue;
    yield [from, to];
    last = to;
  }
}

const isWithinCharacter = (text: string, at: number) => at > 0 && (text.codePointAt(at - 1) ?? 0) > 0xffff;

/** The pieces that are left of a text, without empty ones. Inverted, what matches and what does not change places. */
export function splitBy(
  matches: Matches,
  behavior: Behavior,
  inverted: boolean,
): readonly (readonly [from: number, to: number])[] {
  const parts = inverted ? matches.map(([from, to, matched]) => [from, to, !matched] as const) : matches;
  return pieces(parts, behavior).filter(([from, to]) => from < to);
}

function pieces(parts: Matches, behavior: Behavior): readonly (readonly [number, number])[] {
  switch (behavior) {
    case 'Removed':
      return parts.filter(([, , matched]) => !matched).map(([from, to]) => [from, to]);
    case 'Isolated':
      return parts.map(([from, to]) => [from, to]);
    case 'Contiguous':
      return joined(parts, (part, last) => part[2] === last[2]);
    case 'MergedWithPrevious':
      return joined(parts, (part, last) => part[2] && !last[2]);
    case 'MergedWithNext':
      return joined(parts, (part, last) => !part[2] && last[2]);
  }
}

/** Joins each part to the one before it if `belongs` says so of the two. */
function joined(
  parts: Matches,
  belongs: (part: Matches[number], before: Matches[number]) => boolean,
): readonly (readonly [number, number])[] {
  const made: [number, number][] = [];
  for (const [i, part] of parts.entries()) {
    const before = parts[i - 1];
    const last = made.at(-1);
    if (before && last && belongs(part, before)) last[1] = part[1];
    else made.push([part[0], part[1]]);
  }
  return made;
}
