import type { Mode } from '../../gpu/plan/forward-plan.ts';

/** How well a model predicts the held-out text. */
export interface Score {
  readonly natsPerToken: number;
  readonly bitsPerByte: number;
  readonly perplexity: number;
}

export interface Sample {
  readonly prompt: string;
  /** The continuation with the page's initial sampling. */
  readonly text: string;
  /** Of the greedy continuation. */
  readonly repeated: number;
  readonly of: number;
}

/** What `npm run evaluate` measured: `evaluation.json` beside the weights. */
export interface Evaluation extends Readonly<Record<Mode, Score>> {
  readonly layerTypes: string;
  readonly backend: string;
  readonly windows: number;
  readonly windowTokens: number;
  readonly kvBytesPerToken: number;
  readonly plainKvBytesPerToken: number;
  /** Tokens of the longest text that the model was made for. */
  readonly contextTokens: number;
  /** KV bytes of such a text in 16 bits. A windowed store holds no more than its window. */
  readonly kvBytesAtContext: number;
  readonly samples: readonly Sample[];
}

/** How `tools/train/export.py` says that a model was made: `training.json`. */
export interface Training {
  readonly title: string;
  readonly parameters: number;
  readonly runs: readonly { readonly command: string; readonly tokens: number; readonly seed: number }[];
}

/** What `tools/train/check.py` found with PyTorch, from the same weights in float32: `check.json`. */
export interface Check extends Readonly<Record<Mode, Score>> {
  readonly windows: number;
  /** Mean nats per token at positions 64 to 256 of a whole context. */
  readonly earlyNats: number;
  /** Mean nats of the same tokens in its last quarter. */
  readonly lateNats: number;
  readonly contextTokens: number;
}

/** How `tools/train/less.py` says that kernels of LESS were made: the card beside their file. */
export interface KernelCard {
  readonly file: string;
  readonly policy: {
    readonly id: string;
    readonly sinks?: number;
    readonly heavy?: number;
    readonly recent: number;
  };
  readonly layerTypes: string;
  readonly rank: number;
  readonly seed: number;
  readonly command: string;
}

export const tokensTrained = ({ runs }: Training) => runs.reduce((sum, { tokens }) => sum + tokens, 0);

/** @param bytes length of the text that the tokens encode */
export const scoreOf = (natsPerToken: number, tokens: number, bytes: number): Score => ({
  natsPerToken,
  bitsPerByte: (natsPerToken * tokens) / Math.LN2 / bytes,
  perplexity: Math.exp(natsPerToken),
});
