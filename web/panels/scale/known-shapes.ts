/** What the KV cache and the weights of a known model depend on. */
export interface KnownShape {
  readonly id: string;
  readonly name: string;
  readonly layerCount: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly parameters: number;
}

/** Sizes that people run: Llama 3.2 1B, Llama 3.1 8B and 70B. */
export const knownShapes = [
  { id: '1b', name: '1B', layerCount: 16, kvHeads: 8, headDim: 64, parameters: 1.24e9 },
  { id: '8b', name: '8B', layerCount: 32, kvHeads: 8, headDim: 128, parameters: 8.03e9 },
  { id: '70b', name: '70B', layerCount: 80, kvHeads: 8, headDim: 128, parameters: 70.6e9 },
] as const satisfies readonly KnownShape[];

export type KnownShapeId = (typeof knownShapes)[number]['id'];
