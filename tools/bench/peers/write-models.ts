/** Writes what the sides of the comparison read: a checkpoint of random numbers in a shape, and GGUF files. */
import { createWriteStream, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { join } from 'node:path';
import { toF16 } from '../../../gpu/numbers/element-type.ts';
import { threefry2x32 } from '../../../gpu/cpu/random.ts';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { weightSpecs } from '../../../gpu/plan/weight-specs.ts';
import { ggufFiles } from '../../../worker/peer/gguf-files.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import { openFolderSource } from '../../headless/folder-source.ts';
import { parseShape } from '../shapes.ts';

const RANDOM_NUMBERS = 2 ** 20;

/** A folder that {@link openFolderSource} and a page can read, in 16 bits. It is written once. */
export async function writeRandomCheckpoint(shape: string, folder: string): Promise<void> {
  if (existsSync(join(folder, 'written'))) return;
  const dims = parseShape(shape);
  const plan = parseLayerTypes(
    Array.from({ length: dims.layerCount }, (_, i) => i).join('_'),
    dims.layerCount,
  );
  if (!plan.ok) throw new Error(plan.reason);
  mkdirSync(folder, { recursive: true });
  const config = {
    ...{ model_type: 'llama', architectures: ['LlamaForCausalLM'], vocab_size: dims.vocabSize },
    ...{ hidden_size: dims.hiddenSize, intermediate_size: dims.intermediateSize, head_dim: dims.headDim },
    ...{ num_hidden_layers: dims.layerCount, num_attention_heads: dims.heads },
    ...{ num_key_value_heads: dims.kvHeads, max_position_embeddings: dims.contextTokens },
    ...{ rms_norm_eps: dims.rmsNormEps, rope_theta: dims.rope.theta },
    tie_word_embeddings: dims.tiedEmbeddings,
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const specs = weightSpecs(dims, plan.value);
  let at = 0;
  const head = specs.map(({ name, rows, cols, vector }) => {
    const begin = at;
    at += 2 * rows * cols;
    return [
      name,
      { dtype: 'F16', shape: vector ? [cols] : [rows, cols], data_offsets: [begin, at] },
    ] as const;
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(head)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.byteLength));
  const file = createWriteStream(join(folder, 'model.safetensors'));
  const block = Buffer.from(toF16(randomNumbers()).buffer);
  file.write(length);
  file.write(json);
  for (let left = at; left > 0; left -= block.byteLength) {
    if (!file.write(block.subarray(0, Math.min(left, block.byteLength)))) await once(file, 'drain');
  }
  file.end();
  await finished(file);
  writeFileSync(join(folder, 'written'), '');
}

const randomNumbers = () =>
  Float32Array.from(
    { length: RANDOM_NUMBERS },
    (_, i) => (threefry2x32([1, 2], [i, 0])[0] / 2 ** 31 - 1) / 40,
  );

/** Writes a checkpoint as GGUF, once. */
export async function writeGguf(
  checkpoint: string,
  weights: 'stored' | 'q8' | 'q4',
  path: string,
): Promise<void> {
  if (existsSync(`${path}.written`)) return;
  const { gguf } = await ggufFiles({
    ...{ source: openFolderSource(checkpoint), weights, quantizeEmbeddings: true, config: {} },
    ...{ positions: () => 1, openTextPlace: placeHere, emit: () => undefined },
  });
  const file = createWriteStream(path);
  for (const part of gguf) {
    if (!file.write(part)) await once(file, 'drain');
  }
  file.end();
  await finished(file);
  writeFileSync(`${path}.written`, '');
}
