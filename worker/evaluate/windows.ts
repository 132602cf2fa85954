import type { TokenPair } from './pair-tokens.ts';

/** Input tokens, and the last of the tokens after them that are scored. */
export interface Window {
  /** `tokens.length - 1` of them are read; each predicts the next. */
  readonly tokens: readonly number[];
  /** How many of the last tokens are scored. */
  readonly scored: number;
}

export interface PairWindow extends Window {
  /** Tokens of the context that did not fit. */
  readonly cut: number;
}

/**
 * The left truncation of a pair: at most `maxLength` input tokens.
 *
 * @returns null if the continuation alone is longer, so that it cannot be scored
 */
export function windowOfPair({ context, continuation }: TokenPair, maxLength: number): PairWindow | null {
  if (continuation.length > maxLength) return null;
  const whole = [...context, ...continuation];
  const tokens = whole.slice(-(maxLength + 1));
  return { tokens, scored: continuation.length, cut: whole.length - tokens.length };
}

/**
 * The windows of a whole text behind its prefix token: each scores the tokens that the one before did not reach, with one
 * token of context. The last, shorter one gets all context that fits.
 */
export function rollingWindows({ context, continuation }: TokenPair, maxLength: number): Window[] {
  const all = [...context.slice(-1), ...continuation];
  const windows: Window[] = [];
  let scored = 0;
  while (scored < continuation.length) {
    const fresh = Math.min(maxLength, continuation.length - scored);
    const end = 1 + scored + fresh;
    windows.push({ tokens: all.slice(Math.max(0, end - maxLength - 1), end), scored: fresh });
    scored += fresh;
  }
  return windows;
}

/** A window of which only what follows a prompt is scored, if anything does. */
export const afterPrompt = ({ tokens, scored }: Window, promptTokens: number): Window => ({
  tokens,
  scored: Math.max(0, Math.min(scored, tokens.length - promptTokens)),
});
