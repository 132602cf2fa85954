import {
  kvLayerUsage,
  kvTokensWritten,
  plainKvBytesPerToken,
  type KvPrecision,
} from '../../../gpu/kv/usage.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import type { Sharing } from '../../../gpu/plan/sharing.ts';
import { words } from './words.ts';

/** Lines over one axis. */
export interface Series {
  readonly x: readonly number[];
  readonly lines: readonly { readonly label: string; readonly y: readonly number[] }[];
}

const MOST_POINTS = 400;

/** KV bytes in use at each length of the text, and what the same model would use as a plain LLaMA. */
export function kvSeries(
  sharing: Sharing,
  dims: ModelDims,
  precision: KvPrecision,
  { promptTokens, newTokens }: { readonly promptTokens: number; readonly newTokens: number },
): Series {
  const written = kvTokensWritten(promptTokens, newTokens);
  const step = Math.max(1, Math.ceil(written / MOST_POINTS));
  const x = Array.from({ length: Math.ceil(written / step) }, (_, i) => i * step);
  x.push(written);
  const bytesAt = (tokens: number) =>
    kvLayerUsage(sharing, dims, precision, tokens).reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    x,
    lines: [
      { label: words.thisPlan, y: x.map(bytesAt) },
      { label: words.plain, y: x.map((tokens) => tokens * plainKvBytesPerToken(dims, precision)) },
    ],
  };
}

/** Tokens over which a speed is averaged: the time of a single token is mostly clock noise. */
const SPAN = 8;

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
