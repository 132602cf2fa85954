import { allFinite } from '../../gpu/numbers/finite.ts';
import { toFloat32 } from '../../gpu/numbers/element-type.ts';
import { isKernelFile } from '../../gpu/kv/policies/kernel-file-name.ts';
import {
  kernelsOf,
  kernelTensors,
  type KernelTensor,
  type LessKernels,
} from '../../gpu/kv/policies/less-kernels.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import { show } from '../hostile-fields.ts';
import { Refused } from '../outcome.ts';
import { badWeights, cutShort, readTensorTable } from './checkpoint.ts';
import type { ModelSource, OpenFile } from './model-source.ts';
import type { StoredTensor } from './safetensors.ts';

/** The largest kernels that the GPU's have room for, four times the published ones. */
const MOST_HIDDEN = 2048;
const MOST_RANK = 64;
/** Of all tensors that a plan needs, the published kernels of 7 billion weights included. */
const MOST_BYTES = 2 ** 30;

const FIELD = 'policy.kernels';

/**
 * Reads the trained kernels that a plan needs under LESS. Other tensors of the file are passed over.
 *
 * @param file a file that comes with the model; on a machine of one's own also a path
 * @throws Refused with `bad-request` if there is no such file; `bad-weights` naming the tensor that is missing or wrong
 */
export async function loadKernels(
  source: ModelSource,
  file: string,
  sharing: Sharing,
  dims: ModelDims,
): Promise<LessKernels> {
  const opened = await openKernels(source, file);
  if (!opened) throw refused(`there is no file ${show(file)} beside the model`);
  const { reader, ...table } = await readTensorTable(opened, file);
  try {
    const find = (name: string): StoredTensor =>
      table.tensors.get(name) ?? refuse(file, `there is no tensor ${name}, which this plan needs`);
    const sizes = sizesOf(file, find, sharing);
    const wanted = kernelTensors(sharing, dims, sizes).map(({ name, shape }) => {
      const stored = find(name);
      if (stored.dtype !== 'F32') refuse(file, `tensor ${name} is of ${stored.dtype}, not F32`);
      const same = stored.shape.length === shape.length && shape.every((n, axis) => n === stored.shape[axis]);
      if (!same) refuse(file, `tensor ${name} has the shape ${show(stored.shape)}, not ${show(shape)}`);
      return stored;
    });
    const bytes = wanted.reduce((sum, { begin, end }) => sum + end - begin, 0);
    if (bytes > MOST_BYTES) refuse(file, `the kernels have ${bytes} bytes, more than ${MOST_BYTES}`);

    const values = new Map<string, Float32Array<ArrayBuffer>>();
    for (const { name, begin, end } of wanted.sort((a, b) => a.begin - b.begin)) {
      await reader.skip(table.dataStart + begin - reader.position);
      const read = await reader.read(end - begin);
      if (read.length < end - begin)
        throw cutShort({ ...table, reader }, reader.position, `in tensor ${name}`);
      const numbers = toFloat32(read, 'f32');
      if (!allFinite(numbers)) refuse(file, `tensor ${name} has a number that is not finite`);
      values.set(name, numbers);
    }
    return kernelsOf(sharing, sizes, (name) => values.get(name) ?? new Float32Array());
  } finally {
    await reader.close();
  }
}

/** A file beside the model; on a machine of one's own, any path. */
function openKernels(source: ModelSource, file: string): Promise<OpenFile | null> {
  if (source.openPath) return source.openPath(file);
  if (isKernelFile(file)) return source.open(file);
  throw refused(`${show(file)} is not the name of a file that comes with the model`);
}

/** The sizes of all kernels, by the first tensors that the plan needs. */
function sizesOf(file: string, find: (name: string) => StoredTensor, sharing: Sharing): SizesOf {
  const nothing = { heads: 0, kvHeads: 0, headDim: 0 };
  const [w1, w2] = kernelTensors(sharing, nothing, { hidden: 0, rank: 0 });
  if (!w1 || !w2) return { hidden: 0, rank: 0 };
  const sizeOf = ({ name }: KernelTensor, most: number, what: string) => {
    const { shape } = find(name);
    const size = shape.at(2) ?? 0;
    if (size >= 1 && size <= most) return size;
    return refuse(file, `tensor ${name} has the shape ${show(shape)}: ${what} must be from 1 to ${most}`);
  };
  return {
    hidden: sizeOf(w1, MOST_HIDDEN, 'its last axis, the hidden size,'),
    rank: sizeOf(w2, MOST_RANK, 'its last axis, the number of features,'),
  };
}

type SizesOf = Pick<LessKernels, 'hidden' | 'rank'>;

function refuse(file: string, reason: string): never {
  throw badWeights(file, reason);
}

const refused = (reason: string) => new Refused({ code: 'bad-request', field: FIELD, reason });
