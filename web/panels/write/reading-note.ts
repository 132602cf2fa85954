import { formatCount } from '../../ui/format.ts';
import type { Chat } from '../../playground/chat.svelte.ts';
import { words } from './words.ts';

const count = (tokens: number) => tokens.toLocaleString('en');

/** What the last turn had to read, in a sentence; null before the first turn. */
export function readingNote(reading: Chat['reading']): string | null {
  if (!reading) return null;
  const { promptTokens, heldTokens, reusedTokens } = reading;
  const read = formatCount(promptTokens - reusedTokens, 'new token');
  if (heldTokens === 0) return words.chat.read(read);
  if (reusedTokens === heldTokens) return words.chat.readAll(read, count(reusedTokens));
  return words.chat.readSome(read, count(reusedTokens), count(heldTokens));
}

/** How full the context is, and whether the next turn may outgrow it. */
export function roomNote(tokens: number, maxNewTokens: number | null, contextTokens: number) {
  const full = tokens + (maxNewTokens ?? 0) > contextTokens;
  const say = full ? words.chat.nextTurnTooLong : words.chat.nextTurn;
  return { full, text: say(formatCount(tokens, 'token'), count(maxNewTokens ?? 0), count(contextTokens)) };
}
