import { requestGpu } from '#platform';
import type { Backend, ModelWeights, Session, SessionOptions } from '../../gpu/backend.ts';
import { openGpu, type GpuOptions } from '../../gpu/webgpu/device.ts';
import type { ElementType } from '../../gpu/numbers/element-type.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { LayerType } from '../../gpu/plan/layer-types.ts';
import type { WeightFormats } from '../../gpu/numbers/matrix-format.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { greedy, type SamplingOptions } from '../../gpu/plan/sampling.ts';
import { weightSpecs, type WeightSpec } from '../../gpu/plan/weight-specs.ts';
import { WebGpuBackend } from '../../gpu/webgpu/backend.ts';
import { randomFloats, stored } from './kernels.ts';
import { sharedGpu } from './shared-devices.ts';

/** A small decoder with awkward sizes: not multiples of 8, an odd vocabulary, grouped heads. */
export const tinyDims: ModelDims = {
  layerCount: 4,
  hiddenSize: 20,
  intermediateSize: 28,
  heads: 4,
  kvHeads: 2,
  headDim: 8,
  vocabSize: 37,
  contextTokens: 64,
  rmsNormEps: 1e-5,
  rope: { type: 'default', theta: 10000 },
  tiedEmbeddings: false,
  qkvBias: false,
  outputBias: false,
  mlpBias: false,
  qkNorm: false,
};

export const openGpuBackend = async (options?: GpuOptions): Promise<WebGpuBackend> =>
  new WebGpuBackend(await openGpu(await sharedGpu(), options));

/** On a device of its own, for tests of what becomes of a device and its memory. */
export const openOwnGpuBackend = async (): Promise<WebGpuBackend> =>
  new WebGpuBackend(await openGpu(await requestGpu()));

/** The same random weights in each backend. They are stored under the plan `layers`. */
export async function putRandomModel(
  backends: readonly Backend[],
  dims: ModelDims,
  layers: readonly LayerType[],
  options: {
    readonly type?: ElementType;
    /** Scales the numbers of some tensors. */
    readonly scaleOf?: (spec: WeightSpec) => number;
  } & Partial<WeightFormats> = {},
): Promise<ModelWeights[]> {
  const { type = 'f32', scaleOf = () => 1, weights = 'stored', quantizeEmbeddings = false } = options;
  const request = {
    dims,
    storedLayers: layers,
    weights,
    quantizeEmbeddings,
    storedAs: () => type,
  };
  const models = await Promise.all(backends.map((backend) => backend.allocate(request)));
  for (const spec of weightSpecs(dims, layers)) {
    const scale = scaleOf(spec) * (spec.vector ? 0.2 : 1.5 / Math.sqrt(spec.cols));
    const norm = spec.role.endsWith('Norm');
    const values = randomFloats(spec.rows * spec.cols, scale).map((value) => (norm ? 1 + value : value));
    const { data } = stored(values, type);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    for (const model of models) await model.put(spec, 0, bytes);
  }
  await Promise.all(models.map((model) => model.ready()));
  return models;
}

export interface Run {
  /** One row per prompt position, through all turns. */
  readonly logits: readonly Float32Array[];
  readonly tokens: readonly number[];
}

/** Prefills turns and decodes. Returns the logits of every prompt position. */
export async function runSession(
  model: ModelWeights,
  options: SessionOptions,
  request: {
    readonly turns: readonly (readonly number[])[];
    readonly mode: Mode;
    readonly newTokens?: number;
    readonly sampling?: SamplingOptions;
    /** If false, the prefill may skip what only the logits of other positions need. */
    readonly everyLogit?: boolean;
  },
): Promise<Run> {
  const session: Session = await model.open(options);
  try {
    const logits: Float32Array[] = [];
    for (const turn of request.turns) {
      await session.prefill(turn, {
        mode: request.mode,
        logitsAt: request.everyLogit === false ? [] : [...turn.keys()],
        onLogits: (_, row) => logits.push(row.slice()),
        onProgress: () => undefined,
        stopped: () => false,
      });
    }
    const tokens: number[] = [];
    await session.decode({
      sampling: request.sampling ?? greedy,
      maxNewTokens: request.newTokens ?? 0,
      endTokens: new Set(),
      onToken: (token) => tokens.push(token),
      stopped: () => false,
    });
    return { logits, tokens };
  } finally {
    session.close();
  }
}
