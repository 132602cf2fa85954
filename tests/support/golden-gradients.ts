import { modelSource } from '#platform';
import { toFloat32 } from '../../gpu/numbers/element-type.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { parseLayerTypes } from '../../gpu/plan/layer-types.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import { weightSpecs } from '../../gpu/plan/weight-specs.ts';
import { compileTrainKernels } from '../../gpu/train/kernels.ts';
import type { FindTensor } from '../../gpu/train/parameters.ts';
import type { Recipe, Trained } from '../../gpu/train/recipe.ts';
import { Trainer } from '../../gpu/train/trainer.ts';
import { parseHeader } from '../../worker/loader/safetensors.ts';

const source = modelSource('tests/fixtures/golden-gradients');

async function bytesOf(file: string): Promise<Uint8Array> {
  const opened = await source.open(file);
  if (!opened) throw new Error(`${file} is missing`);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (;;) {
    const next = await opened.chunks.next();
    if (next.done === true) return new Uint8Array(await new Blob(parts).arrayBuffer());
    parts.push(new Uint8Array(next.value));
  }
}

/** What tools/golden-heal/make_gradients.py wrote about a case. */
interface WrittenCase {
  readonly layer_types: string;
  readonly passes: readonly [number, number];
  readonly nodiag: boolean;
  readonly tied: boolean;
  readonly biases: boolean;
  readonly qk_norm: boolean;
  readonly vocab: number;
  readonly hidden: number;
  readonly inner: number;
  readonly heads: number;
  readonly kv_heads: number;
  readonly head_dim: number;
  readonly window: number;
  readonly tokens: number;
  readonly eps: number;
  readonly theta: number;
  readonly loss: number;
  readonly evaluated: number;
  readonly rate: number;
  readonly warm_up_steps: number;
  readonly losses: readonly number[];
}

const written = JSON.parse(new TextDecoder().decode(await bytesOf('cases.json'))) as Readonly<
  Record<string, WrittenCase>
>; // our own file

export const caseNames = Object.keys(written);

/** The tensors of each case's file, by name. */
const answers = new Map(
  await Promise.all(
    caseNames.map(async (name) => [name, answersIn(await bytesOf(`${name}.safetensors`))] as const),
  ),
);

const kernels = await compileTrainKernels();

/** A tiny model, its sequences, and PyTorch's answers. */
export function goldenCase(name: string) {
  const golden = written[name];
  if (!golden || !kernels) throw new Error(`no case ${name}`);
  const dims: ModelDims = {
    layerCount: golden.layer_types.split('_').length,
    hiddenSize: golden.hidden,
    intermediateSize: golden.inner,
    heads: golden.heads,
    kvHeads: golden.kv_heads,
    headDim: golden.head_dim,
    vocabSize: golden.vocab,
    contextTokens: golden.tokens,
    rmsNormEps: golden.eps,
    rope: { type: 'default', theta: golden.theta },
    tiedEmbeddings: golden.tied,
    qkvBias: golden.biases,
    outputBias: golden.biases,
    mlpBias: golden.biases,
    qkNorm: golden.qk_norm,
  };
  const sharing = sharingOf(golden.layer_types, dims, golden);
  const weights = weightsOf(dims, sharing);
  const [forward, backward] = golden.passes;
  const recipe = (trained: Trained, steps: number): Recipe => ({
    trained,
    steps,
    sequencesPerStep: 2,
    tokensPerSequence: golden.tokens,
    learningRate: golden.rate,
    warmUpSteps: golden.warm_up_steps,
    passes: { forward, backward },
    laterPasses: { forward, backward },
    seed: 0,
  });
  const find: FindTensor = (role, layer) => weights.get(`${role}/${layer}`);
  const train = (trained: Trained, steps = 1, tensors = find) =>
    new Trainer({
      kernels,
      dims,
      stored: sharing.layers,
      sharing,
      passes: { forward: 7, backward: 2 },
      recipe: recipe(trained, steps),
      find: tensors,
    });
  return {
    ...{ golden, dims, sharing, recipe, find, train },
    specs: weightSpecs(dims, sharing.layers),
    sequences: sequencesOf(golden),
    answers: answers.get(name) ?? new Map<string, Float32Array>(),
  };
}

function sharingOf(text: string, dims: ModelDims, golden: WrittenCase): Sharing {
  const layers = parseLayerTypes(text, dims.layerCount);
  if (!layers.ok) throw new Error(layers.reason);
  return { layers: layers.value, windowTokens: golden.window, forceNodiag: golden.nodiag };
}

/** The numbers of `weights` in make_gradients.py. */
function weightsOf(dims: ModelDims, { layers }: Sharing): Map<string, Float32Array> {
  let index = 0;
  return new Map(
    weightSpecs(dims, layers).map(({ name, role, layer, rows, cols }) => {
      const values = Float32Array.from({ length: rows * cols }, () => {
        const value = numberAt(index++);
        return name.includes('norm') ? 1 + value / 4 : value / 2;
      });
      return [`${role}/${layer}`, values];
    }),
  );
}

function sequencesOf({ tokens, vocab }: WrittenCase): readonly Uint32Array[] {
  return [0, 1].map((row) =>
    Uint32Array.from({ length: tokens + 1 }, (_, i) =>
      Math.floor(((numberAt(10 ** 6 + row * (tokens + 1) + i) + 1) / 2) * vocab),
    ),
  );
}

/** `number` of make_gradients.py: Wang's hash of 32 bits. */
function numberAt(index: number): number {
  let x = index >>> 0;
  x = (x ^ 61 ^ (x >>> 16)) >>> 0;
  x = Math.imul(x, 9) >>> 0;
  x = (x ^ (x >>> 4)) >>> 0;
  x = Math.imul(x, 0x27d4eb2d) >>> 0;
  x = (x ^ (x >>> 15)) >>> 0;
  return x / 2 ** 31 - 1;
}

function answersIn(bytes: Uint8Array): ReadonlyMap<string, Float32Array> {
  const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const { tensors } = parseHeader(bytes.subarray(8, 8 + headerBytes), bytes.length);
  const data = bytes.subarray(8 + headerBytes);
  return new Map(
    [...tensors.values()].map(({ name, begin, end }) => [name, toFloat32(data.slice(begin, end), 'f32')]),
  );
}
