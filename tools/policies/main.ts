import { join } from 'node:path';
import type { Backend, ModelWeights } from '../../gpu/backend.ts';
import type { Policy } from '../../gpu/kv/policies/policy.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { openProcessorBackend } from '../../gpu/wasm/backend.ts';
import { openWebGpuBackend } from '../../gpu/webgpu/backend.ts';
import { policyOf } from '../../worker/engine/open-policy.ts';
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
    const times = contenders.map((): number[] => []);
    for (let round = -1; round < rounds; round++) {
      for (const [i, contender] of contenders.entries()) {
        const ms = await msPerToken(weights, config, contender, round < 0 ? 4 : newTokens);
        if (round >= 0) times[i]?.push(ms); // the first round compiles
      }
    }
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

async function msPerToken(
  weights: ModelWeights,
  { dims, stored }: ModelConfig,
  { policy: asked, promptTokens }: Contender,
  newTokens: number,
): Promise<number> {
  const { sharing, passes } = valueOf(applyConfig(stored, {}, dims.layerCount));
  const policy: Policy = await policyOf(asked, {
    contextTokens: dims.contextTokens,
    maxNewTokens: newTokens,
  });
  const session = await weights.open({
    sharing,
    passes,
    kvPrecision: 'f16',
    capacityTokens: promptTokens + newTokens,
    ...(policy.id !== 'none' && { eviction: { policy, scored: false, promptTokens } }),
  });
  try {
    const ignore = () => undefined;
    const stopped = () => false;
    await session.prefill(
      Array.from({ length: promptTokens }, (_, i) => (7 * i + 1) % dims.vocabSize),
      { mode: 'parallel', logitsAt: [], onLogits: ignore, onProgress: ignore, stopped },
    );
    const arrivalsMs: number[] = [];
    await session.decode({
      sampling: greedy,
      maxNewTokens: newTokens,
      endTokens: new Set(),
      onToken: () => arrivalsMs.push(performance.now()),
      stopped,
    });
    return ((arrivalsMs.at(-1) ?? NaN) - (arrivalsMs[0] ?? NaN)) / (arrivalsMs.length - 1);
  } finally {
    session.close();
  }
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
