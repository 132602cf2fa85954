/** Finds a tokenizer's added tokens in a text, as the tokenizers library of Rust does. */
import { isObject, show } from '../hostile-fields.ts';
import type { Vocabulary } from './vocabulary/vocabulary.ts';

export interface AddedToken {
  readonly id: number;
  /** The id in the file; null if it names none. */
  readonly saidId: number | null;
  readonly content: string;
  /** Whether it is found only where no letter or digit touches it. */
  readonly singleWord: boolean;
  /** Whether it takes the white space before it. */
  readonly takesBefore: boolean;
  /** Whether it takes the white space after it. */
  readonly takesAfter: boolean;
  /** Whether it is looked for in the normalized text. */
  readonly normalized: boolean;
  readonly special: boolean;
}

/**
 * The `added_tokens` of a tokenizer.json. Their ids are those that the tokenizers library gives them, whatever the file
 * says: that of the vocabulary, or the next one behind all.
 *
 * @param ofConfig tokens that tokenizer_config.json adds, if tokenizer.json lacks them
 */
export function addedTokens(
  said: unknown,
  { ids, size }: Pick<Vocabulary, 'ids' | 'size'>,
  ofConfig: readonly unknown[] = [],
): readonly AddedToken[] {
  if (said !== undefined && !Array.isArray(said)) throw new Error('added_tokens is not an array');
  const own: readonly unknown[] = said ?? [];
  const found = new Map<string, AddedToken>();
  let next = size;
  for (const [at, token] of [...own, ...ofConfig].entries()) {
    const { id: saidId = null, content, special } = isObject(token) ? token : {};
    if (typeof content !== 'string' || (at < own.length && saidId === null) || !isIdOrNull(saidId)) {
      throw new Error(`added_tokens, entry ${at}: it needs a content and an id`);
    }
    if (content === '' || found.has(content)) continue;
    const is = (name: string) => isObject(token) && token[name] === true;
    const id = ids.get(content) ?? next;
    next = Math.max(next, id + 1);
    found.set(content, {
      ...{ id, saidId, content, special: special === true },
      ...{ singleWord: is('single_word'), takesBefore: is('lstrip'), takesAfter: is('rstrip') },
      normalized: isObject(token) && token['normalized'] !== undefined ? is('normalized') : special !== true,
    });
  }
  return [...found.values()];
}

const isIdOrNull = (id: unknown): id is number | null =>
  id === null || (typeof id === 'number' && Number.isSafeInteger(id) && id >= 0);

/** A sentence about the added tokens whose ids are not those of the file; null if there are none. */
export function movedTokens(added: readonly AddedToken[]): string | null {
  const moved = added.filter(({ id, saidId }) => saidId !== null && id !== saidId);
  const [first] = moved;
  if (!first) return null;
  const others = moved.length === 1 ? '' : ` (and ${moved.length - 1} more)`;
  return `The tokenizer's files give the added token ${show(first.content)} the id ${String(first.saidId)}${others}, but the vocabulary leads to ${first.id}, which is used, as in transformers.`;
}

/** A part of a text: an added token, or what is between two. */
export type Part = { readonly token: AddedToken } | { readonly text: string; readonly at: number };

interface Node {
  readonly next: Map<string, Node>;
  token: AddedToken | null;
}

const WORD_BEFORE = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const WORD_AFTER = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const SPACE = /^\p{White_Space}$/u;

/** @param patterns what is looked for, and the token that it is; of two that match at one place, the longer counts */
export function partsFinder(
  patterns: readonly (readonly [pattern: string, token: AddedToken])[],
): (text: string) => readonly Part[] {
  const root: Node = { next: new Map(), token: null };
  for (const [pattern, token] of patterns) {
    if (pattern === '') continue;
    let node = root;
    // UTF-16 units: a pattern that begins with a whole character matches only whole ones.
    for (let i = 0; i < pattern.length; i++) {
      const unit = pattern.charAt(i);
      const known = node.next.get(unit);
      const next: Node = known ?? { next: new Map(), token: null };
      if (!known) node.next.set(unit, next);
      node = next;
    }
    node.token ??= token;
  }

  return (text) => {
    const parts: Part[] = [];
    const addText = (from: number, to: number) => {
      if (from < to) parts.push({ text: text.slice(from, to), at: from });
    };
    let done = 0;
    let from = 0;
    while (from < text.length) {
      const found = longestAt(root, text, from);
      if (!found) {
        from++;
        continue;
      }
      const { token, end } = found;
      if (token.singleWord && isTouched(text, from, end)) {
        from = end;
        continue;
      }
      let start = from;
      while (token.takesBefore && start > done && SPACE.test(text.charAt(start - 1))) start--;
      let stop = end;
      while (token.takesAfter && stop < text.length && SPACE.test(text.charAt(stop))) stop++;
      addText(done, start);
      parts.push({ token });
      done = stop;
      // What took the white space may still be followed by a token that begins with it.
      from = end;
    }
    addText(done, text.length);
    return parts;
  };
}

const isTouched = (text: string, start: number, end: number) =>
  WORD_BEFORE.test(text.slice(Math.max(0, start - 2), start)) || WORD_AFTER.test(text.slice(end, end + 2));

function longestAt(root: Node, text: string, from: number): { token: AddedToken; end: number } | null {
  let found: { token: AddedToken; end: number } | null = null;
  let node = root.next.get(text.charAt(from));
  for (let end = from + 1; node; end++) {
    if (node.token) found = { token: node.token, end };
    if (end >= text.length) break;
    node = node.next.get(text.charAt(end));
  }
  return found;
}
