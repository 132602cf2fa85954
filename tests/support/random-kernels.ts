import { kernelsOf, kernelTensors, type LessKernels } from '../../gpu/kv/policies/less-kernels.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import { randomFloats } from './kernels.ts';

/** Sizes that fill no vector and no workgroup. */
const awkward = { hidden: 13, rank: 3 };

const named = new Map<string, Float32Array<ArrayBuffer>>();

/** Kernels of LESS for a plan: the same numbers for the same tensors. */
export function randomKernels(
  sharing: Sharing,
  dims: Pick<ModelDims, 'heads' | 'kvHeads' | 'headDim'>,
  { hidden, rank } = awkward,
): LessKernels {
  const values = new Map(
    kernelTensors(sharing, dims, { hidden, rank }).map(({ name, shape }) => {
      const [heads, rows, cols] = shape;
      const key = `${name} ${shape.join()}`;
      const numbers = named.get(key) ?? randomFloats(heads * rows * cols, 2 / Math.sqrt(rows));
      named.set(key, numbers);
      return [name, numbers] as const;
    }),
  );
  return kernelsOf(sharing, { hidden, rank }, (name) => values.get(name) ?? new Float32Array());
}

/** The same kernels with W3 = 0: every feature of a key is zero. */
export const withoutW3 = ({ psi, ...kernels }: LessKernels): LessKernels => ({
  ...kernels,
  psi: new Map(
    [...psi].map(([owner, { w3, ...rest }]) => [owner, { ...rest, w3: new Float32Array(w3.length) }]),
  ),
});
