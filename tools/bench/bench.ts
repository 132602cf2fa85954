import type { Backend, ModelWeights, PlanOptions, Session, TextOptions } from '../../gpu/backend.ts';
import type { Policy } from '../../gpu/kv/policies/policy.ts';
import { GpuSession } from '../../gpu/webgpu/session.ts';
import { parseLayerTypes } from '../../gpu/plan/layer-types.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { medianTimes, type KernelTime } from '../../gpu/plan/kernel-time.ts';
import { WebGpuBackend } from '../../gpu/webgpu/backend.ts';
import { evictionOf, piecesOf, policyOf } from '../../worker/engine/open-policy.ts';
import { shapeKernels } from '../../worker/engine/shape-kernels.ts';
import { applyConfig } from '../../worker/loader/apply-config.ts';
import { loadModel } from '../../worker/loader/load-model.ts';
import type { ModelSource } from '../../worker/loader/model-source.ts';
import { valueOf } from '../../worker/outcome.ts';
import type { SharingConfig } from '../../worker/protocol/load.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import { copyBytesPerSec } from './bandwidth.ts';
import { countCalls } from './count-calls.ts';
import type { BenchRequest } from './options.ts';
import { putRandomWeights } from './random-weights.ts';
import { parseShape } from './shapes.ts';
import { placeHere } from '../../worker/text/place-here.ts';
import { spread, type Spread } from './spread.mjs';

export interface BenchReport {
  readonly request: BenchRequest;
  readonly adapter: Backend['adapter'];
  readonly weightBytes: number;
  readonly prefillTokensPerSec: Spread;
  readonly decodeTokensPerSec: Spread;
  /** WebGPU only, for one decoded token. */
  readonly token: {
    readonly submits: number;
    readonly dispatches: number;
    readonly readBacks: number;
    readonly bytesRead: number;
    readonly copyBytesPerSec: number;
    /** bytesRead · tokens per second / copyBytesPerSec. */
    readonly shareOfCopyBandwidth: number;
    /** Null if the adapter cannot measure time. Measured with one pass per dispatch, which itself takes time. */
    readonly gpuUsByKernel: readonly KernelTime[] | null;
  } | null;
}

export interface Loaded extends Opened {
  readonly model: ModelWeights;
}

/** A model under one plan and policy. */
export interface Opened {
  readonly dims: ModelDims;
  readonly policy: Policy;
  readonly plan: PlanOptions;
  readonly textOf: (capacityTokens: number) => TextOptions;
  readonly open: (capacityTokens: number) => Promise<Session>;
  /** The same model under another plan. */
  readonly under: (layerTypes: string) => Promise<Opened>;
}

/**
 * Measures one model on one backend, after a warm-up.
 *
 * @param openProfiling opens the same backend for profiling, which may compute more slowly
 */
export async function bench(
  request: BenchRequest,
  backend: Backend,
  openSource: (model: string) => ModelSource,
  openProfiling: () => Promise<Backend>,
): Promise<BenchReport> {
  const loaded = await load(request, backend, openSource);
  const prompt = promptOf(request, loaded);
  await once(loaded, { ...request, newTokens: 4 }, prompt); // compiles
  const runs: Measured[] = [];
  for (let i = 0; i < request.repeats; i++) runs.push(await once(loaded, request, prompt));
  const decodeTokensPerSec = spread(runs.map((run) => run.decodeTokensPerSec));
  const token =
    backend instanceof WebGpuBackend
      ? await tokenFigures(loaded, request, prompt, backend, decodeTokensPerSec.median)
      : null;
  const report = {
    request,
    adapter: backend.adapter,
    weightBytes: loaded.model.bytes,
    prefillTokensPerSec: spread(runs.map((run) => run.prefillTokensPerSec)),
    decodeTokensPerSec,
  };
  loaded.model.free();
  if (!token) return { ...report, token };
  const profiling = await openProfiling();
  try {
    const gpuUsByKernel = await profile(await load(request, profiling, openSource), request, prompt);
    return { ...report, token: { ...token, gpuUsByKernel } };
  } finally {
    profiling.destroy();
  }
}

/** The prompt of a benchmark: any tokens of the vocabulary. */
export const promptOf = ({ promptTokens }: BenchRequest, { dims }: Opened): readonly number[] =>
  Array.from({ length: promptTokens }, (_, i) => (7 * i + 1) % dims.vocabSize);

/** Puts the weights of a shape. */
export type FillWeights = typeof putRandomWeights;

export async function load(
  request: BenchRequest,
  backend: Backend,
  openSource: (model: string) => ModelSource,
  fill: FillWeights = putRandomWeights,
): Promise<Loaded> {
  if (request.shape === null) {
    const emit = () => undefined;
    const openBackend = () => Promise.resolve(backend);
    const source = openSource(request.model);
    const { config, weights } = await loadModel({
      source,
      openBackend,
      openTextPlace: placeHere,
      ...formatsOf(request),
      emit,
    });
    await shapeKernels({ weights, backend }, request.workgroupRows, null);
    const opened = await opener(weights, config.stored, config.dims, request, openSource);
    return { ...opened, model: weights };
  }
  const dims = parseShape(request.shape);
  const plain = Array.from({ length: dims.layerCount }, (_, layer) => layer).join('_');
  const layerTypes = request.config.layerTypes ?? plain;
  const parsed = parseLayerTypes(layerTypes, dims.layerCount);
  if (!parsed.ok) throw new Error(`Layer ${parsed.at}: ${parsed.reason}`);
  const type = request.weights === 'f32' ? 'f32' : 'f16';
  const model = await backend.allocate({
    dims,
    storedLayers: parsed.value,
    ...formatsOf(request),
    storedAs: () => type,
  });
  await fill(model, dims, parsed.value, type);
  await shapeKernels({ weights: model, backend }, request.workgroupRows, null);
  const stored = { layerTypes, slidingWindow: 1024, forwardPasses: 7, backwardPasses: 2, forceNodiag: false };
  return { ...(await opener(model, stored, dims, request, openSource)), model };
}

/** Opens sessions under the model's own sharing, with the differences that the request asks for. */
async function opener(
  model: ModelWeights,
  stored: SharingConfig,
  dims: ModelDims,
  request: BenchRequest,
  openSource: (model: string) => ModelSource,
): Promise<Opened> {
  const { config, freeze, kvPrecision, policy: asked, promptTokens, newTokens } = request;
  const { layerCount, contextTokens } = dims;
  const { sharing, passes } = valueOf(applyConfig(stored, config, layerCount, freeze));
  const policy = await policyOf(asked, { contextTokens, maxNewTokens: newTokens });
  const files = {
    weights: model,
    config: { dims },
    openSource: () => Promise.resolve(openSource(request.model)),
  };
  const eviction = await evictionOf(files, sharing, policy, { scored: false, promptTokens });
  const plan = { sharing, passes, kvPrecision };
  const textOf = (capacityTokens: number) => ({ capacityTokens, ...eviction });
  return {
    dims,
    policy,
    plan,
    textOf,
    open: (capacityTokens) => model.open({ ...plan, ...textOf(capacityTokens) }),
    under: (layerTypes) => {
      const other = { ...request, config: { ...config, layerTypes } };
      return opener(model, stored, dims, other, openSource);
    },
  };
}

const formatsOf = ({ weights, quantizeEmbeddings }: BenchRequest) => ({ weights, quantizeEmbeddings });

interface Measured {
  readonly prefillTokensPerSec: number;
  readonly decodeTokensPerSec: number;
}

const never = () => false;

async function prefill(
  session: Session,
  prompt: readonly number[],
  mode: Mode,
  policy: Policy,
): Promise<number> {
  let startMs = performance.now();
  const startClock = () => (startMs = performance.now());
  const ignore = () => undefined;
  const options = {
    mode,
    logitsAt: [],
    onLogits: ignore,
    onPrepared: startClock,
    onProgress: ignore,
    stopped: never,
  };
  for (const [index, piece] of piecesOf(prompt, policy).entries()) {
    await session.prefill(piece, index === 0 ? options : { ...options, onPrepared: ignore });
  }
  return startMs;
}

const decode = (session: Session, maxNewTokens: number, onToken: () => void) =>
  session.decode({ sampling: greedy, maxNewTokens, endTokens: new Set(), onToken, stopped: never });

/** Reads the prompt and continues it once. */
export async function once(
  { open, policy }: Loaded,
  request: BenchRequest,
  prompt: readonly number[],
): Promise<Measured> {
  const session = await open(prompt.length + request.newTokens);
  try {
    const startMs = await prefill(session, prompt, request.mode, policy);
    const arrivalsMs: number[] = [];
    await decode(session, request.newTokens, () => arrivalsMs.push(performance.now()));
    const [firstMs = startMs] = arrivalsMs;
    const lastMs = arrivalsMs.at(-1) ?? firstMs;
    return {
      prefillTokensPerSec: (1000 * prompt.length) / (firstMs - startMs),
      decodeTokensPerSec: (1000 * (arrivalsMs.length - 1)) / (lastMs - firstMs),
    };
  } finally {
    session.close();
  }
}

async function tokenFigures(
  { open, policy }: Loaded,
  request: BenchRequest,
  prompt: readonly number[],
  { context }: WebGpuBackend,
  tokensPerSec: number,
): Promise<Omit<NonNullable<BenchReport['token']>, 'gpuUsByKernel'>> {
  const newTokens = Math.max(9, Math.min(request.newTokens, 33));
  const session = await open(prompt.length + newTokens);
  if (!(session instanceof GpuSession)) throw new Error('a WebGPU backend opens GPU sessions');
  try {
    await prefill(session, prompt, request.mode, policy);
    const calls = countCalls(context.device);
    await decode(session, newTokens, () => undefined);
    calls.stop();
    const { queueSubmit, dispatchWorkgroups, mapAsync } = calls.counts;
    const bytesRead = session.bytesReadPerToken();
    const copied = await copyBytesPerSec(context);
    return {
      submits: queueSubmit / newTokens,
      dispatches: dispatchWorkgroups / newTokens,
      readBacks: mapAsync / newTokens,
      bytesRead,
      copyBytesPerSec: copied,
      shareOfCopyBandwidth: (bytesRead * tokensPerSec) / copied,
    };
  } finally {
    session.close();
  }
}

const profiledSteps = 5;

/** GPU time of a step by kernel; null if it cannot be measured. */
async function profile(
  { open, policy }: Loaded,
  request: BenchRequest,
  prompt: readonly number[],
): Promise<readonly KernelTime[] | null> {
  const session = await open(prompt.length + 2);
  try {
    await prefill(session, prompt, request.mode, policy);
    await decode(session, 2, () => undefined);
    const steps: (readonly KernelTime[])[] = [];
    while (steps.length < profiledSteps) {
      const step = await session.profileStep();
      if (!step) return null;
      steps.push(step);
    }
    return medianTimes(steps);
  } finally {
    session.close();
  }
}
