import { words } from './words.ts';

/** Lines over one axis. */
export interface Series {
  readonly x: readonly number[];
  readonly lines: readonly { readonly label: string; readonly y: readonly number[] }[];
}

const MOST_POINTS = 400;

/**
 * KV bytes in use as a run wrote its text, and what the same text takes as a plain LLaMA.
 *
 * @param kvBytes what the stores held when each new token was drawn: the first one after the prompt
 */
export function kvSeries(
  kvBytes: readonly number[],
  {
    promptTokens,
    plainBytesPerToken,
  }: { readonly promptTokens: number; readonly plainBytesPerToken: number },
): Series {
  const step = Math.max(1, Math.ceil(kvBytes.length / MOST_POINTS));
  const drawn = [...kvBytes.keys()].filter((i) => i % step === 0 || i === kvBytes.length - 1);
  const x = drawn.map((i) => promptTokens + i);
  return {
    x,
    lines: [
      { label: words.thisPlan, y: drawn.map((i) => kvBytes[i] ?? 0) },
      { label: words.plain, y: x.map((tokens) => tokens * plainBytesPerToken) },
    ],
  };
}

/** Tokens over which a speed is averaged: up to eleven arrive together, and the time of a few is mostly clock noise. */
const SPAN = 33;

/** The speed of the last {@link SPAN} tokens, at each new token. */
export function speedSeries(arrivalsMs: readonly number[]): Series {
  const step = Math.max(1, Math.ceil(arrivalsMs.length / MOST_POINTS));
  const x: number[] = [];
  const y: number[] = [];
  for (let i = 1; i < arrivalsMs.length; i++) {
    if (i % step !== 0 && i !== arrivalsMs.length - 1) continue;
    const span = Math.min(SPAN, i);
    const ms = (arrivalsMs[i] ?? 0) - (arrivalsMs[i - span] ?? 0);
    if (ms <= 0) continue;
    x.push(i + 1);
    y.push((1000 * span) / ms);
  }
  return { x, lines: [{ label: words.tokensPerSecond, y }] };
}
