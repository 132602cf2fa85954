import { join } from 'node:path';
import type { Backend, ModelWeights, Session } from '../../gpu/backend.ts';
import type { Policy } from '../../gpu/kv/policies/policy.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { openProcessorBackend } from '../../gpu/wasm/backend.ts';
import { openWebGpuBackend } from '../../gpu/webgpu/backend.ts';
import { policyOf } from '../../worker/engine/open-policy.ts';
import { median } from '../../worker/laboratory/statistics/moments.ts';
import { applyConfig } from '../../worker/loader/apply-config.ts';
import { loadModel } from '../../worker/loader/load-model.ts';
import type { ModelConfig } from '../../worker/loader/model-config.ts';
import { valueOf } from '../../worker/outcome.ts';
import type { PolicyRequest } from '../../worker/protocol/generate.ts';
import { placeHere } from '../../worker/text/place-here.ts';
import { openFolderSource } from '../headless/folder-source.ts';
import { openDawn } from '../headless/vulkan.ts';

export interface PoliciesRequest {
  readonly model: string;
  readonly backend: 'webgpu' | 'cpu';
  /** Rows that each policy keeps. */
  readonly rows: number;
  /** Tokens of the long text that is kept whole for comparison. */
  readonly long: number;
  readonly newTokens: number;
  readonly rounds: number;
}

/** A way to keep a cache, after a prompt of some length. */
interface Contender {
  readonly name: string;
  readonly policy: PolicyRequest;
  readonly promptTokens: number;
}

export interface PoliciesReport {
  readonly request: PoliciesRequest;
  readonly adapter: Backend['adapter'];
  readonly contenders: readonly {
    readonly name: string;
    readonly policy: PolicyRequest;
    readonly textTokens: number;
    /** Median over the rounds, from the first new token to the last. */
    readonly msPerToken: number;
    /** Beside a cache that keeps a text of as many rows, and beside one that keeps the long text. */
    readonly timesSameRows: number;
    readonly timesLongText: number;
  }[];
}

/** Measures decoding under each policy beside caches that keep everything, by turns. */
export async function main(
  request: PoliciesRequest,
  root: string,
  findSoftwareVulkan: () => Promise<string | undefined>,
): Promise<PoliciesReport> {
  const backend =
    request.backend === 'cpu'
      ? await openProcessorBackend()
      : await openWebGpuBackend(await openDawn(findSoftwareVulkan));
  try {
    const { config, weights } = await loadModel({
      source: openFolderSource(join(root, 'public', 'models', request.model)),
      openBackend: () => Promise.resolve(backend),
      openTextPlace: placeHere,
      weights: 'stored',
      quantizeEmbeddings: false,
      emit: () => undefined,
    });
    const { rows, long, newTokens, rounds } = request;
    const half = Math.ceil(rows / 2);
    const evicting = (name: string, policy: PolicyRequest) => ({ name, policy, promptTokens: 2 * rows });
    const contenders: readonly Contender[] = [
      // Around as many rows as the policies keep.
      {
        name: 'same rows',
        policy: { id: 'none' },
        promptTokens: Math.max(1, rows - Math.ceil(newTokens / 2)),
      },
      { name: 'long text', policy: { id: 'none' }, promptTokens: long },
      evicting('sinks, absolute', { id: 'sinks', sinks: 4, recent: rows - 4, positions: 'absolute' }),
      evicting('sinks, cache', { id: 'sinks', sinks: 4, recent: rows - 4 }),
      evicting('h2o', { id: 'h2o', heavy: rows - half, recent: half }),
      evicting('keyformer', { id: 'keyformer', heavy: rows - half, recent: half }),
      evicting('tova', { id: 'tova', rows }),
      evicting('key-norm', { id: 'key-norm', heavy: rows - half, recent: half }),
    ];
    const sessions: ReadSession[] = [];
    for (const contender of contenders) sessions.push(await readPrompt(weights, config, contender, request));
    const times = contenders.map((): number[] => []);
    for (let round = -1; round < rounds; round++) {
      for (const [i, session] of sessions.entries()) {
        const ms = await msPerToken(session, newTokens);
        if (round >= 0) times[i]?.push(ms); // the first round compiles
      }
    }
    for (const { session } of sessions) session.close();
    const medians = times.map(median);
    const [sameRows = NaN, longText = NaN] = medians;
    const report = {
      request,
      adapter: backend.adapter,
      contenders: contenders.map(({ name, policy, promptTokens }, i) => ({
        name,
        policy,
        textTokens: promptTokens + newTokens,
        msPerToken: medians[i] ?? NaN,
        timesSameRows: (medians[i] ?? NaN) / sameRows,
        timesLongText: (medians[i] ?? NaN) / longText,
      })),
    };
    weights.free();
    return report;
  } finally {
    backend.destroy();
  }
}

/** A session that has read its prompt. */
interface ReadSession {
  readonly session: Session;
  readonly promptTokens: number;
  readonly evicts: boolean;
}

async function readPrompt(
  weights: ModelWeights,
  { dims, stored }: ModelConfig,
  { policy: asked, promptTokens }: Contender,
  { newTokens, rounds }: PoliciesRequest,
): Promise<ReadSession> {
  const { sharing, passes } = valueOf(applyConfig(stored, {}, dims.layerCount));
  const facts = { contextTokens: dims.contextTokens, maxNewTokens: newTokens };
  const policy: Policy = await policyOf(asked, facts);
  const evicts = policy.id !== 'none';
  const capacityTokens = promptTokens + (evicts ? rounds + 1 : 1) * (newTokens + 1);
  const eviction = { policy, scored: false, promptTokens: capacityTokens, kernels: null };
  const options = { sharing, passes, kvPrecision: 'f16', capacityTokens } as const;
  const session = await weights.open(evicts ? { ...options, eviction } : options);
  await read(
    session,
    Array.from({ length: promptTokens }, (_, i) => (7 * i + 1) % dims.vocabSize),
  );
  return { session, promptTokens, evicts };
}

const read = (session: Session, tokens: readonly number[]) =>
  session.prefill(tokens, {
    mode: 'parallel',
    logitsAt: [],
    onLogits: ignore,
    onProgress: ignore,
    stopped: never,
  });

/** Goes on with a text under a policy. A cache that keeps everything returns to its prompt first, to stay as long. */
async function msPerToken(
  { session, promptTokens, evicts }: ReadSession,
  newTokens: number,
): Promise<number> {
  if (!evicts && !session.rewind(promptTokens))
    throw new Error('a cache that keeps everything cannot rewind');
  await read(session, [1]);
  const arrivalsMs: number[] = [];
  await session.decode({
    sampling: greedy,
    maxNewTokens: newTokens,
    endTokens: new Set(),
    onToken: () => arrivalsMs.push(performance.now()),
    stopped: never,
  });
  return ((arrivalsMs.at(-1) ?? NaN) - (arrivalsMs[0] ?? NaN)) / (arrivalsMs.length - 1);
}

const ignore = () => undefined;
const never = () => false;
