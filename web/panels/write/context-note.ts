import { formatCount } from '../../ui/format.ts';

/** English text has about four characters to a token; the tokenizer itself lives in the worker. */
const CHARACTERS_PER_TOKEN = 4;

interface Length {
  readonly prompt: string;
  readonly maxNewTokens: number | null;
  /** Tokens of the prompt where a run has counted them. */
  readonly countedTokens: number | null;
  readonly contextTokens: number;
}

/** Says so where the text could outgrow what the model was made for; null where it fits. */
export function contextNote({ prompt, maxNewTokens, countedTokens, contextTokens }: Length): string | null {
  const promptTokens = countedTokens ?? Math.ceil(prompt.length / CHARACTERS_PER_TOKEN) + 1;
  if (maxNewTokens === null || promptTokens + maxNewTokens <= contextTokens) return null;
  const about = countedTokens === null ? 'about ' : '';
  return `The prompt (${about}${formatCount(promptTokens, 'token')}) and ${formatCount(maxNewTokens, 'new token')} exceed the ${contextTokens.toLocaleString('en')} that this model was made for; past them the text falls apart.`;
}
