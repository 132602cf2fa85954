import { quantizedBy, type MatrixFormat, type WeightFormats } from '../../gpu/numbers/matrix-format.ts';
import type { WeightSpec } from '../../gpu/plan/weight-specs.ts';
import { Refused } from '../outcome.ts';
import { openCheckpoint, type Checkpoint } from './checkpoint.ts';
import type { CopyWriter, ModelSource } from './model-source.ts';
import { safetensorsHeader } from './safetensors-header.ts';
import { tensorForm } from './tensor-form.ts';

/** A model's weights, quantized on an earlier load: a safetensors file whose matrices are packed rows of bytes. */
export interface QuantizedCopy {
  readonly source: ModelSource;
  readonly checkpoint: Checkpoint;
}

/** The number grows if the way of quantizing or packing changes. */
function nameOf({ weights, quantizeEmbeddings }: WeightFormats): string | null {
  const format = quantizedBy(weights);
  return format && `${format}${quantizeEmbeddings ? '-all' : ''}-1.safetensors`;
}

/** The copy that a source keeps in these formats; null if there is none. A broken one is removed. */
export async function openCopy(source: ModelSource, formats: WeightFormats): Promise<QuantizedCopy | null> {
  const { copies } = source;
  const name = nameOf(formats);
  if (!copies || name === null) return null;
  const from: ModelSource = {
    names: () => Promise.resolve([]),
    text: () => Promise.resolve(null),
    open: (file, begin) => copies.open(file, begin),
  };
  try {
    return { source: from, checkpoint: await openCheckpoint(from, name) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    await copies.remove(name);
    return null;
  }
}

/**
 * Begins a copy, into which the tensors' rows go in the order of `specs`.
 *
 * @returns null if the source keeps no copies, or these formats need none
 */
export async function beginCopy(
  { copies }: ModelSource,
  formats: WeightFormats,
  specs: readonly WeightSpec[],
  formatOf: (spec: WeightSpec) => MatrixFormat,
): Promise<CopyWriter | null> {
  const name = nameOf(formats);
  if (!copies || name === null) return null;
  const tensors = specs.map((spec) => tensorForm(spec, formatOf(spec)));
  const header = safetensorsHeader(tensors);
  const sizeBytes = tensors.reduce((sum, { bytes }) => sum + bytes, header.length);
  const copy = await copies.startCopy(name, sizeBytes);
  await copy?.add(header);
  return copy;
}

export async function dropCopy({ copies }: ModelSource, formats: WeightFormats): Promise<void> {
  const name = nameOf(formats);
  if (name !== null) await copies?.remove(name);
}
