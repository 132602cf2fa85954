import { isTrainedPolicy, type KernelFile } from '../../gpu/kv/policies/kernel-file.ts';
import { attemptAsync } from '../outcome.ts';
import { readTensorTable } from './checkpoint.ts';
import type { ModelSource } from './model-source.ts';

/** More than anybody trains for one model. */
const MOST_FILES = 20;
const LONGEST_LAYER_TYPES = 100_000;

/** What files of kernels say about themselves. One that cannot be read is left out: a run that names it says why. */
export async function describeKernels(
  source: ModelSource,
  files: readonly string[],
): Promise<readonly KernelFile[]> {
  const described: KernelFile[] = [];
  for (const file of [...files].sort().slice(0, MOST_FILES)) {
    const found = await attemptAsync(() => describe(source, file));
    if (found.ok && found.value) described.push(found.value);
  }
  return described;
}

async function describe(source: ModelSource, file: string): Promise<KernelFile | null> {
  const opened = await source.open(file);
  if (!opened) return null;
  const { reader, tensors, metadata } = await readTensorTable(opened, file);
  await reader.close();
  const [ranked] = [...tensors.values()].filter(({ name }) => /^layers\.\d+\.psi\.w2$/.test(name));
  const layerTypes = metadata.get('layer_types') ?? null;
  return {
    file,
    rank: ranked?.shape.at(2) ?? 0,
    layerTypes: layerTypes !== null && layerTypes.length <= LONGEST_LAYER_TYPES ? layerTypes : null,
    policy: policyIn(metadata.get('policy') ?? ''),
  };
}

/** The policy that a file says it was trained for; null if that is none. */
function policyIn(text: string): KernelFile['policy'] {
  if (text.length > 1000) return null;
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return null;
  }
  const policy = { sinks: 0, heavy: 0, ...(typeof said === 'object' ? said : null) };
  if (!isTrainedPolicy(policy)) return null;
  const { id, sinks, heavy, recent } = policy;
  return { id, sinks, heavy, recent };
}
