import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import type { Policy } from '../../../gpu/kv/policies/policy.ts';
import { placesNeeded } from '../../../gpu/kv/policies/usage.ts';
import { formatCount } from '../../ui/format.ts';
import { words } from './words.ts';

/** About right for English text; the tokenizer itself lives in the worker. */
const CHARACTERS_PER_TOKEN = 4;

interface Length {
  readonly prompt: string;
  readonly maxNewTokens: number | null;
  /** Tokens of the prompt, if a run has counted them. */
  readonly countedTokens: number | null;
  readonly contextTokens: number;
  /** Decides how many places of the context a text takes; null while it is wrong. */
  readonly policy: Policy | null;
}

/** A warning if the text may outgrow the model's context; null if it fits. */
export function contextNote({
  prompt,
  maxNewTokens,
  countedTokens,
  contextTokens,
  policy,
}: Length): string | null {
  const promptTokens = countedTokens ?? Math.ceil(prompt.length / CHARACTERS_PER_TOKEN) + 1;
  if (maxNewTokens === null) return null;
  const text = { heldTokens: 0, readTokens: promptTokens, newTokens: maxNewTokens };
  if (placesNeeded(policy ?? keepEverything, text) <= contextTokens) return null;
  return words.prompt.tooLong(
    countedTokens === null,
    formatCount(promptTokens, 'token'),
    formatCount(maxNewTokens, 'new token'),
    contextTokens.toLocaleString('en'),
  );
}
