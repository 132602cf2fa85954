import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import type { Policy } from '../../../gpu/kv/policies/policy.ts';
import { placesNeeded } from '../../../gpu/kv/policies/usage.ts';
import { formatCount } from '../../ui/format.ts';
import type { Chat } from '../../playground/chat.svelte.ts';
import { chatWords } from './chat-words.ts';

const count = (tokens: number) => tokens.toLocaleString('en');

/** What the last turn had to read, in a sentence; null before the first turn. */
export function readingNote(reading: Chat['reading']): string | null {
  if (!reading) return null;
  const { promptTokens, heldTokens, reusedTokens, evicts } = reading;
  const read = formatCount(promptTokens - reusedTokens, 'new token');
  if (heldTokens === 0) return chatWords.read(read);
  if (reusedTokens === heldTokens) return chatWords.readAll(read, count(reusedTokens));
  if (evicts && reusedTokens === 0) return chatWords.readAgain(formatCount(promptTokens, 'token'));
  return chatWords.readSome(read, count(reusedTokens), count(heldTokens));
}

interface NextTurn {
  /** Of the whole conversation, with the message that is being typed. */
  readonly tokens: number;
  readonly maxNewTokens: number | null;
  readonly contextTokens: number;
  /** Those of the conversation that the cache has read. */
  readonly readTokens: number;
  /** Decides how many places of the context a text takes; null while it is wrong. */
  readonly policy: Policy | null;
}

/** How full the context is, and whether the next turn may outgrow it. */
export function roomNote({ tokens, maxNewTokens, contextTokens, readTokens, policy }: NextTurn) {
  const kept = policy ?? keepEverything;
  const heldTokens = Math.min(tokens, readTokens);
  const newTokens = maxNewTokens ?? 0;
  const places = placesNeeded(kept, { heldTokens, readTokens: tokens - heldTokens, newTokens });
  const full = places > contextTokens;
  if (!full && tokens + newTokens > contextTokens) {
    return { full, text: chatWords.outgrows(formatCount(tokens, 'token'), count(contextTokens)) };
  }
  const say = full ? chatWords.nextTurnTooLong : chatWords.nextTurn;
  return { full, text: say(formatCount(tokens, 'token'), count(maxNewTokens ?? 0), count(contextTokens)) };
}
