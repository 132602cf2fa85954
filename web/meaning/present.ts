import { createContext } from 'svelte';
import type { SketchedLayer } from './sketch.ts';

/** What the page holds at the moment, so that explanations can put its numbers into their formulas. Null is unknown. */
export interface Present {
  readonly plan: readonly SketchedLayer[] | null;
  readonly window: number;
  readonly forwardPasses: number;
  readonly backwardPasses: number;
  readonly kvHeads: number | null;
  readonly headDim: number | null;
  /** Of a number of the cache. */
  readonly kvBytes: number;
  readonly weights: string;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly maxNewTokens: number;
  readonly continuations: number;
  readonly sinks: number | null;
  readonly recent: number | null;
  readonly heavy: number | null;
  readonly rows: number | null;
  readonly chunk: number | null;
  readonly promptTokens: number | null;
  readonly newTokens: number | null;
  readonly prefillMs: number | null;
  readonly decodeMs: number | null;
}

/** Fetches what the page holds, when somebody asks for an explanation. */
export const [getPresent, providePresent] = createContext<() => Promise<Present>>();
