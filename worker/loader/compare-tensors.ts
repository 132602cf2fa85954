/** What a checkpoint's tensors say against its configuration, and against each other. */
import { toFloat32 } from '../../gpu/numbers/element-type.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { ropeFrequencies } from '../../gpu/plan/rope.ts';
import type { WeightSpec } from '../../gpu/plan/weight-specs.ts';
import { badWeights, openData, type Checkpoint } from './checkpoint.ts';
import { equalTensors, type PlacedTensor } from './equal-tensors.ts';
import type { ModelSource } from './model-source.ts';
import { namesOf } from './names.ts';
import { elementTypes } from './tensor-form.ts';

const HEAD = 'lm_head.weight';
const EMBEDDING = 'model.embed_tokens.weight';

/**
 * Whether the LM head is the embedding. A head of its own in the files counts more than `tie_word_embeddings`, as in
 * transformers 5.
 */
export async function isTied(source: ModelSource, checkpoint: Checkpoint, dims: ModelDims): Promise<boolean> {
  if (!dims.tiedEmbeddings) return false;
  const head = placed(checkpoint, HEAD);
  const embedding = placed(checkpoint, EMBEDDING);
  return !head || !embedding || equalTensors(source, head, embedding);
}

export const UNTIED_NOTICE =
  'config.json says that the LM head is the embedding (tie_word_embeddings), but the files hold an lm_head.weight with other numbers. The one in the files is used.';

/**
 * Refuses tensors that several shards hold with different bytes.
 *
 * @throws Refused with `bad-weights`
 */
export async function refuseOtherTwins(
  source: ModelSource,
  checkpoint: Checkpoint,
  specs: readonly WeightSpec[],
): Promise<void> {
  for (const { name } of specs) {
    const [first, ...others] = checkpoint.filesOf(name).flatMap((file) => placedIn(file, name) ?? []);
    for (const other of others) {
      if (first && !(await equalTensors(source, first, other))) {
        const reason = `tensor ${name} is in ${first.file.name} too, with other contents`;
        throw badWeights(other.file.name, reason);
      }
    }
  }
}

/** What to say of the tensors that the model has no use for; null if there are none. */
export async function unusedNotice(
  source: ModelSource,
  checkpoint: Checkpoint,
  specs: readonly WeightSpec[],
  dims: ModelDims,
): Promise<string | null> {
  const used = new Set(specs.map(({ name }) => name));
  if (dims.tiedEmbeddings) used.add(HEAD); // It was compared with the embedding.
  const unused = new Set<string>();
  for (const { tensors } of checkpoint.files) {
    for (const name of tensors.keys()) if (!used.has(name)) unused.add(name);
  }
  for (const name of [...unused].filter((each) => each.endsWith('.rotary_emb.inv_freq'))) {
    const tensor = placed(checkpoint, name);
    if (tensor && (await holdsFrequencies(source, tensor, dims))) unused.delete(name);
  }
  if (unused.size === 0) return null;
  return `The model as config.json describes it does not use ${unused.size} of the tensors in the files: ${namesOf([...unused])}.`;
}

/** Old checkpoints hold the rotary frequencies, which config.json gives too; 16 bits round them by up to 1/256. */
async function holdsFrequencies(source: ModelSource, { file, tensor }: PlacedTensor, dims: ModelDims) {
  const type = elementTypes.get(tensor.dtype);
  const expected = ropeFrequencies(dims.rope, dims.headDim);
  const bytes = tensor.end - tensor.begin;
  if (!type || tensor.shape.length !== 1 || tensor.shape[0] !== expected.length) return false;
  const reader = await openData(source, file, tensor.begin);
  try {
    const values = toFloat32(await reader.read(bytes), type);
    return expected.every((frequency, i) => Math.abs((values[i] ?? NaN) - frequency) <= frequency / 128);
  } finally {
    await reader.close();
  }
}

function placed(checkpoint: Checkpoint, name: string): PlacedTensor | null {
  const [file] = checkpoint.filesOf(name);
  return file ? placedIn(file, name) : null;
}

function placedIn(file: PlacedTensor['file'], name: string): PlacedTensor | null {
  const tensor = file.tensors.get(name);
  return tensor ? { file, tensor } : null;
}
