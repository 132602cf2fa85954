import type { ChatMessage } from '../../../worker/protocol/generate.ts';
import { config, files, tokenizerConfigJson, tokenizerJson, type ModelFiles } from './tiny-model.ts';

export interface HostileCase {
  /** What is wrong with the model. */
  readonly name: string;
  readonly files: () => ModelFiles;
  /** A chat in place of a prompt. */
  readonly chat?: readonly ChatMessage[];
  /** What the person is told, or that the model loads and runs. */
  readonly expected: RegExp | 'loads';
}

type Json = Record<string, unknown>;

export const withFiles = (changed: ModelFiles): ModelFiles => ({ ...files, ...changed });

/** A config.json with other fields; one that is undefined is left out. */
export const withConfig = (changes: Json): ModelFiles =>
  withFiles({ 'config.json': JSON.stringify({ ...config, ...changes }) });

/** A config.json with one more field, written as it is. */
export const withConfigText = (field: string, json: string): ModelFiles => {
  const others = JSON.stringify({ ...config, [field]: undefined });
  return withFiles({ 'config.json': `${others.slice(0, -1)},${JSON.stringify(field)}:${json}}` });
};

interface TokenizerJson {
  added_tokens: Json[] | null;
  model: Json & { vocab: Record<string, unknown>; merges: unknown[] };
  [part: string]: unknown;
}

/** A tokenizer.json that was edited. */
export const withTokenizer = (edit: (tokenizer: TokenizerJson) => void): ModelFiles => {
  const tokenizer = JSON.parse(tokenizerJson) as TokenizerJson; // our own
  edit(tokenizer);
  return withFiles({ 'tokenizer.json': JSON.stringify(tokenizer) });
};

export const withTokenizerConfig = (changes: Json): ModelFiles =>
  withFiles({
    'tokenizer_config.json': JSON.stringify({ ...(JSON.parse(tokenizerConfigJson) as Json), ...changes }),
  });

export const deepArray = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
export const deepObject = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
