import type { Batch, BatchText, Session } from '../../../gpu/backend.ts';
import { bytesOf } from '../../../gpu/numbers/element-type.ts';
import { quantizedBy } from '../../../gpu/numbers/matrix-format.ts';
import { greedy } from '../../../gpu/plan/sampling.ts';
import { weightSpecs } from '../../../gpu/plan/weight-specs.ts';
import { WebGpuBackend } from '../../../gpu/webgpu/backend.ts';
import { GpuContext } from '../../../gpu/webgpu/device.ts';
import { hardwareTuning, softwareTuning } from '../../../gpu/webgpu/tuning.ts';
import type { ModelSource } from '../../../worker/loader/model-source.ts';
import { load, type FillWeights, type Loaded } from '../bench.ts';
import type { BenchRequest, CountAsked } from '../options.ts';
import { countDispatch } from './accesses.ts';
import { countPrompt, type PromptCounts } from './count-prompt.ts';
import { openCountingDevice, type CountingDevice, type NotedDispatch } from './counting-device.ts';

/** What one decoding step costs, of one sequence or of several. docs/measuring.md says what each figure means. */
export interface TokenCounts {
  readonly counted: {
    /** A shape, or a model's id. */
    readonly model: string;
    readonly weights: BenchRequest['weights'];
    /** Whether the embeddings and the head are quantized, too. */
    readonly quantizeEmbeddings: boolean;
    readonly kvPrecision: BenchRequest['kvPrecision'];
    readonly tuning: CountAsked['tuning'];
    /** Sequences, each of which gets one token. */
    readonly batch: number;
    /** Tokens of the text, the one decoded included. */
    readonly contextTokens: number;
    /** For how many the session has room: attention splits its keys by it. */
    readonly capacityTokens: number;
  };
  readonly dispatches: number;
  /** Of the matrices that rows are multiplied with. */
  readonly weightBytes: number;
  readonly memoryBytes: number;
  readonly cacheBytes: number;
  readonly barriers: number;
  readonly pipelines: number;
  readonly submitsPerToken: number;
  readonly mapsPerToken: number;
  /** What reading a prompt costs; null unless asked for. */
  readonly prompt: PromptCounts | null;
  /** In the order of their first dispatch. */
  readonly kernels: readonly KernelCounts[];
}

/** Dispatches that are alike; all but `dispatches` are figures of one of them. */
export interface KernelCounts {
  readonly kernel: string;
  /** The matrix, or null if the kernel takes none. */
  readonly rows: number | null;
  readonly cols: number | null;
  readonly dispatches: number;
  readonly workgroups: number;
  readonly invocations: number;
  readonly memoryBytes: number;
  readonly cacheBytes: number;
  readonly barriers: number;
  readonly longestLoadChain: number;
}

const usualContextTokens = 1024;

/** Submits and maps are counted from this many tokens on, and over this many more. */
const startTokens = 64;
const steadyTokens = 128;

/** Counts one decoding step, at full speed, greedily, on a device that computes nothing. */
export async function countToken(
  request: BenchRequest,
  asked: CountAsked,
  openSource: (model: string) => ModelSource,
): Promise<TokenCounts> {
  const counting = openCountingDevice();
  const adapter = { backend: 'webgpu', vendor: '', description: 'counts', software: false } as const;
  const tuning = asked.tuning === 'software' ? softwareTuning : hardwareTuning;
  const backend = new WebGpuBackend(new GpuContext(counting.device, adapter, { tuning }));
  try {
    const loaded = await load(request, backend, openSource, putVectors);
    const most = loaded.dims.contextTokens;
    const contextTokens = asked.contextTokens ?? Math.min(usualContextTokens, Math.floor(most / 2));
    if (contextTokens > most) {
      throw new Error(`--context ${contextTokens} is more than the ${most} tokens that the model can hold`);
    }
    // Room for as much again, so that a text of this length does not end here.
    const capacityTokens = Math.min(most, 2 * contextTokens);
    const { batch } = asked;
    const step =
      batch === 1
        ? await tokenAt(counting, loaded, contextTokens, capacityTokens)
        : await stepAt(counting, loaded, batch, contextTokens, capacityTokens);
    const { submits, maps } = await callsPerToken(counting, loaded, batch);
    const { model, shape, weights, quantizeEmbeddings, kvPrecision } = request;
    const prompt =
      asked.prefillTokens === null
        ? null
        : await promptOf(counting, loaded, asked.prefillTokens, kvPrecision);
    const kernels = countKernels(step);
    const sum = (figure: 'memoryBytes' | 'cacheBytes' | 'barriers') =>
      kernels.reduce((total, kernel) => total + kernel.dispatches * kernel[figure], 0);
    return {
      counted: {
        model: shape ?? model,
        weights,
        quantizeEmbeddings: quantizedBy(weights) !== null && quantizeEmbeddings,
        kvPrecision,
        tuning: asked.tuning,
        batch,
        contextTokens,
        capacityTokens,
      },
      dispatches: step.length,
      weightBytes: step.reduce((sum, noted) => sum + weightBytesOf(noted), 0),
      memoryBytes: sum('memoryBytes'),
      cacheBytes: sum('cacheBytes'),
      barriers: sum('barriers'),
      pipelines: new Set(step.map(({ kernel, constants }) => kernel + JSON.stringify(constants))).size,
      submitsPerToken: submits,
      mapsPerToken: maps,
      prompt,
      kernels,
    };
  } finally {
    backend.destroy();
  }
}

/** Puts zeros for the vectors, and no matrices: nothing reads them. */
const putVectors: FillWeights = async (model, dims, layers, type) => {
  for (const spec of weightSpecs(dims, layers)) {
    if (spec.vector) await model.put(spec, 0, new Uint8Array(spec.cols * bytesOf(type)));
  }
  await model.ready();
};

/** What is dispatched for the token at the end of a text. */
async function tokenAt(
  counting: CountingDevice,
  { open }: Loaded,
  contextTokens: number,
  capacityTokens: number,
): Promise<readonly NotedDispatch[]> {
  const session = await open(capacityTokens);
  try {
    // The first token after a prompt needs no layers, so that the second is the one to count. It sees the whole text.
    await prefill(session, contextTokens - 1);
    const first = await counting.dispatchesOf(() => decode(session, 1));
    const both = await counting.dispatchesOf(() => decode(session, 2));
    return both.slice(first.length);
  } finally {
    session.close();
  }
}

/** What is dispatched for a prompt. */
async function promptOf(
  counting: CountingDevice,
  { open, dims }: Loaded,
  tokens: number,
  kvPrecision: BenchRequest['kvPrecision'],
): Promise<PromptCounts> {
  if (tokens > dims.contextTokens) {
    throw new Error(
      `--prefill ${tokens} is more than the ${dims.contextTokens} tokens that the model can hold`,
    );
  }
  const session = await open(tokens);
  try {
    const noted = await counting.dispatchesOf(() => prefill(session, tokens));
    return countPrompt(noted, tokens, { dims, kvPrecision });
  } finally {
    session.close();
  }
}

/** What is dispatched for the next token of each of several texts, each of which sees a text of its own. */
async function stepAt(
  counting: CountingDevice,
  loaded: Loaded,
  places: number,
  contextTokens: number,
  capacityTokens: number,
): Promise<readonly NotedDispatch[]> {
  const { batch, texts } = await openTexts(loaded, places, contextTokens - 1, capacityTokens);
  try {
    await decodeTogether(batch, texts, 1);
    return await counting.dispatchesOf(() => decodeTogether(batch, texts, 1));
  } finally {
    batch.close();
  }
}

async function openTexts(
  { model, plan, textOf }: Loaded,
  places: number,
  promptTokens: number,
  capacityTokens: number,
): Promise<{ readonly batch: Batch; readonly texts: readonly BatchText[] }> {
  const options = textOf(capacityTokens);
  const batch = await model.openBatch({ ...plan, places, texts: [options], turnTokens: promptTokens });
  const texts: BatchText[] = [];
  for (let place = 0; place < places; place++) {
    const text = await batch.open(options);
    await prefill(text, promptTokens);
    texts.push(text);
  }
  return { batch, texts };
}

/** Calls for a token of long texts, without those of their beginning. */
async function callsPerToken(
  { calls }: CountingDevice,
  loaded: Loaded,
  places: number,
): Promise<CountingDevice['calls']> {
  const callsOf = async (tokens: number) => {
    const before = (): CountingDevice['calls'] => ({ ...calls });
    const since = ({ submits, maps }: CountingDevice['calls']) => ({
      submits: calls.submits - submits,
      maps: calls.maps - maps,
    });
    if (places > 1) {
      const { batch, texts } = await openTexts(loaded, places, 1, 1 + tokens);
      const start = before();
      await decodeTogether(batch, texts, tokens);
      batch.close();
      return since(start);
    }
    const session = await loaded.open(1 + tokens);
    await prefill(session, 1);
    const start = before();
    await decode(session, tokens);
    session.close();
    return since(start);
  };
  const short = await callsOf(startTokens);
  const long = await callsOf(startTokens + steadyTokens);
  return {
    submits: (long.submits - short.submits) / steadyTokens / places,
    maps: (long.maps - short.maps) / steadyTokens / places,
  };
}

const ignore = () => undefined;
const never = () => false;

async function prefill(session: Pick<Session, 'prefill'>, tokens: number): Promise<void> {
  if (tokens === 0) return;
  const options = { mode: 'parallel', logitsAt: [], onLogits: ignore, onProgress: ignore } as const;
  await session.prefill(Array<number>(tokens).fill(0), { ...options, stopped: never });
}

const decode = (session: Session, maxNewTokens: number) =>
  session.decode({ sampling: greedy, maxNewTokens, endTokens: new Set(), onToken: ignore, stopped: never });

const decodeTogether = (batch: Batch, texts: readonly BatchText[], maxNewTokens: number) =>
  batch.decode(
    texts.map((text) => ({ text, sampling: greedy, maxNewTokens, endTokens: new Set(), onToken: ignore })),
    { stopped: never },
  );

/** Bytes of the matrix that a dispatch multiplies with. The embedding looks up rows of one. */
const weightBytesOf = (noted: NotedDispatch): number =>
  noted.kernel === 'embed' ? 0 : (countDispatch(noted).access.loads['w']?.distinct ?? 0);

/** Dispatches that are alike become one entry. */
function countKernels(token: readonly NotedDispatch[]): readonly KernelCounts[] {
  const kinds = new Map<string, KernelCounts>();
  for (const noted of token) {
    const { dispatch, invocations, access } = countDispatch(noted);
    const { rows, cols } = dispatch.shape;
    const loads = Object.values(access.loads).filter((each) => each !== undefined);
    const memoryBytes = loads.reduce((sum, { distinct }) => sum + distinct, 0);
    const asked = loads.reduce((sum, each) => sum + each.asked, 0);
    const figures = {
      kernel: noted.kernel,
      rows: cols > 0 ? rows : null,
      cols: cols > 0 ? cols : null,
      workgroups: dispatch.workgroups.reduce((product, count) => product * count, 1),
      invocations,
      memoryBytes,
      cacheBytes: asked - memoryBytes,
      barriers: access.barriers,
      longestLoadChain: access.longestLoadChain,
    };
    const key = JSON.stringify(figures);
    const { kernel, rows: matrixRows, cols: matrixCols, ...others } = figures;
    const dispatches = 1 + (kinds.get(key)?.dispatches ?? 0);
    kinds.set(key, { kernel, rows: matrixRows, cols: matrixCols, dispatches, ...others });
  }
  return [...kinds.values()];
}
