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
}

/** A warning if the text may outgrow the model's context; null if it fits. */
export function contextNote({ prompt, maxNewTokens, countedTokens, contextTokens }: Length): string | null {
  const promptTokens = countedTokens ?? Math.ceil(prompt.length / CHARACTERS_PER_TOKEN) + 1;
  if (maxNewTokens === null || promptTokens + maxNewTokens <= contextTokens) return null;
  return words.prompt.tooLong(
    countedTokens === null,
    formatCount(promptTokens, 'token'),
    formatCount(maxNewTokens, 'new token'),
    contextTokens.toLocaleString('en'),
  );
}
