import type { ModelDims } from '../../plan/model-dims.ts';
import { kvOwners, type Sharing } from '../../plan/sharing.ts';

/** The trained kernels of LESS: φ of each reader, and ψ of each store. docs/policies.md, "LESS". */
export interface LessKernels {
  /** Numbers between the two projections of a kernel. */
  readonly hidden: number;
  /** Features that a kernel gives: R. */
  readonly rank: number;
  /** By reader: one for each query head. */
  readonly phi: ReadonlyMap<number, Phi>;
  /** By owner: one for each KV head. */
  readonly psi: ReadonlyMap<number, Psi>;
}

/** `|gelu(gelu(x·w1)·w2)|` for each head. */
export interface Phi {
  readonly w1: Float32Array<ArrayBuffer>; // [heads, headDim, hidden]
  readonly w2: Float32Array<ArrayBuffer>; // [heads, hidden, rank]
}

/** `|gelu(gelu(x·w1)·w2)·w3|` for each head. */
export interface Psi extends Phi {
  readonly w3: Float32Array<ArrayBuffer>; // [heads, rank, rank]
}

/** A tensor of a kernel file. */
export interface KernelTensor {
  readonly name: string;
  readonly shape: readonly [heads: number, rows: number, cols: number];
}

/** The readers that use a state: those without a window, because a state has no positions. */
const readersOfStates = ({ layers }: Sharing): readonly number[] =>
  layers.filter(({ windowed }) => !windowed).map(({ index }) => index);

/** The stores that have a state: those that some reader sees without a window. */
export const ownersOfStates = ({ layers }: Sharing): readonly number[] =>
  kvOwners(layers)
    .filter(({ windowed }) => !windowed)
    .map(({ layer }) => layer);

/** The tensors that a plan needs of a kernel file. */
export function kernelTensors(
  sharing: Sharing,
  { heads, kvHeads, headDim }: Pick<ModelDims, 'heads' | 'kvHeads' | 'headDim'>,
  { hidden, rank }: Pick<LessKernels, 'hidden' | 'rank'>,
): readonly KernelTensor[] {
  return [
    ...readersOfStates(sharing).flatMap((layer): KernelTensor[] => [
      { name: nameOf(layer, 'phi', 'w1'), shape: [heads, headDim, hidden] },
      { name: nameOf(layer, 'phi', 'w2'), shape: [heads, hidden, rank] },
    ]),
    ...ownersOfStates(sharing).flatMap((layer): KernelTensor[] => [
      { name: nameOf(layer, 'psi', 'w1'), shape: [kvHeads, headDim, hidden] },
      { name: nameOf(layer, 'psi', 'w2'), shape: [kvHeads, hidden, rank] },
      { name: nameOf(layer, 'psi', 'w3'), shape: [kvHeads, rank, rank] },
    ]),
  ];
}

const nameOf = (layer: number, kernel: 'phi' | 'psi', part: 'w1' | 'w2' | 'w3') =>
  `layers.${layer}.${kernel}.${part}`;

/**
 * The kernels of a plan.
 *
 * @param valuesOf the numbers of one of {@link kernelTensors}
 */
export function kernelsOf(
  sharing: Sharing,
  { hidden, rank }: Pick<LessKernels, 'hidden' | 'rank'>,
  valuesOf: (name: string) => Float32Array<ArrayBuffer>,
): LessKernels {
  const parts = (layer: number, kernel: 'phi' | 'psi'): Phi => ({
    w1: valuesOf(nameOf(layer, kernel, 'w1')),
    w2: valuesOf(nameOf(layer, kernel, 'w2')),
  });
  const withW3 = (layer: number): Psi => ({
    ...parts(layer, 'psi'),
    w3: valuesOf(nameOf(layer, 'psi', 'w3')),
  });
  return {
    hidden,
    rank,
    phi: new Map(readersOfStates(sharing).map((layer) => [layer, parts(layer, 'phi')])),
    psi: new Map(ownersOfStates(sharing).map((layer) => [layer, withW3(layer)])),
  };
}

/** Bytes of a store's state, always in float32: for each KV head R sums of features, and R of values. */
export const bytesOfState = (
  { kvHeads, headDim }: Pick<ModelDims, 'kvHeads' | 'headDim'>,
  rank: number,
): number => 4 * kvHeads * rank * (headDim + 1);

/** Bytes of the state of one store; 0 if it has none. */
export function stateBytes({ hidden, rank, psi }: LessKernels, owner: number): number {
  const kernel = psi.get(owner);
  if (!kernel) return 0;
  const kvHeads = kernel.w3.length / (rank * rank);
  const headDim = kernel.w1.length / (kvHeads * hidden);
  return bytesOfState({ kvHeads, headDim }, rank);
}
