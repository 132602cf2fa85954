import type { RopeSpec } from './rope.ts';

/** The dimensions of a LLaMA-family decoder. */
export interface ModelDims {
  readonly layerCount: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  /** Longest text the model was made for: `max_position_embeddings`. */
  readonly contextTokens: number;
  readonly rmsNormEps: number;
  readonly rope: RopeSpec;
  /** The LM head is the embedding. */
  readonly tiedEmbeddings: boolean;
  /** Biases on the query, key and value projections (Qwen2). */
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  readonly mlpBias: boolean;
  /** An RMS norm over each query and key head, before RoPE (Qwen3). */
  readonly qkNorm: boolean;
}
