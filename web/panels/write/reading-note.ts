import { formatCount } from '../../ui/format.ts';
import type { Chat } from '../../playground/chat.svelte.ts';

/** What the last turn had to read, in a sentence; null before the first one. */
export function readingNote(reading: Chat['reading']): string | null {
  if (!reading) return null;
  const { promptTokens, heldTokens, reusedTokens } = reading;
  const read = `Read ${formatCount(promptTokens - reusedTokens, 'new token')}`;
  if (heldTokens === 0) return `${read}.`;
  if (reusedTokens === heldTokens)
    return `${read}; the KV of ${reusedTokens.toLocaleString('en')} before was kept.`;
  const kept = `${reusedTokens.toLocaleString('en')} of ${heldTokens.toLocaleString('en')}`;
  return `${read}; ${kept} kept tokens could be used: from there on the conversation was written anew.`;
}

/** How full the context is, and whether the next turn may outgrow it. */
export function roomNote(tokens: number, maxNewTokens: number | null, contextTokens: number) {
  const room = contextTokens.toLocaleString('en');
  const next = `${formatCount(tokens, 'token')} and up to ${(maxNewTokens ?? 0).toLocaleString('en')} new, of ${room}`;
  return tokens + (maxNewTokens ?? 0) <= contextTokens
    ? { full: false, text: `Next turn: ${next}.` }
    : {
        full: true,
        text: `The next turn would have ${next} that this model was made for; past them the text falls apart. Ask for fewer new tokens, shorten the conversation, or begin a new one.`,
      };
}
