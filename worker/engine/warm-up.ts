import { BackendError, isLost } from '../../gpu/backend-error.ts';
import type { PlanOptions } from '../../gpu/backend.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { applyConfig } from '../loader/apply-config.ts';
import type { LoadedModel } from '../loader/load-model.ts';
import { valueOf } from '../outcome.ts';

const newTokens = 2;

/**
 * Runs a model's own plan once on small inputs, so that its kernels are compiled. On a software adapter that takes a
 * second or two, which a person would otherwise wait for after pressing Generate the first time.
 *
 * @throws BackendError, and an error if a kernel does not compile
 */
export async function warmUp({ config, weights, backend }: LoadedModel): Promise<void> {
  const { contextTokens, layerCount } = config.dims;
  const { sharing, passes } = valueOf(applyConfig(config.stored, {}, layerCount));
  const plan: PlanOptions = { sharing, passes, kvPrecision: 'f16' };
  const { promptTokens, capacities } = backend.warmUp;
  await run(weights, plan, turnsWithin(promptTokens, contextTokens - newTokens));
  for (const capacityTokens of capacities) {
    // A longer text is impossible, or it compiles the same.
    if (capacityTokens > contextTokens) break;
    try {
      (await weights.open({ ...plan, capacityTokens })).close();
    } catch (error) {
      // There is no room for so long a text, which nobody has asked for yet.
      if (error instanceof BackendError && !isLost(error.failure)) break;
      throw error;
    }
  }
}

/** The turns that fit into a context, or a turn of one token. */
function turnsWithin(turns: readonly number[], most: number): readonly number[] {
  const taken: number[] = [];
  let left = most;
  for (const tokens of turns) {
    if (tokens > left) continue;
    taken.push(tokens);
    left -= tokens;
  }
  return taken.length > 0 ? taken : [1];
}

async function run(
  weights: LoadedModel['weights'],
  plan: PlanOptions,
  turns: readonly number[],
): Promise<void> {
  const capacityTokens = turns.reduce((sum, tokens) => sum + tokens, newTokens);
  const session = await weights.open({ ...plan, capacityTokens });
  try {
    for (const tokens of turns) {
      await session.prefill(Array<number>(tokens).fill(0), {
        mode: 'parallel',
        logitsAt: [],
        onLogits: () => undefined,
        onProgress: () => undefined,
        stopped: () => false,
      });
    }
    await session.decode({
      sampling: { ...greedy, temperature: 1 },
      maxNewTokens: newTokens,
      endTokens: new Set(),
      onToken: () => undefined,
      stopped: () => false,
    });
  } finally {
    session.close();
  }
}
