import { greedy } from '../../gpu/plan/sampling.ts';
import { applyConfig } from '../loader/apply-config.ts';
import type { LoadedModel } from '../loader/load-model.ts';
import { valueOf } from '../outcome.ts';

/**
 * Runs a model's own plan once on a tiny input, so that its kernels are compiled. On a software adapter that takes a
 * second or two, which a person would otherwise wait for after pressing Generate the first time.
 *
 * @throws BackendError, and an error if a kernel does not compile
 */
export async function warmUp({ config, weights }: LoadedModel): Promise<void> {
  const { sharing, passes } = valueOf(applyConfig(config.stored, {}, config.dims.layerCount));
  const prompt = [0, 0];
  const newTokens = 2;
  const session = await weights.open({
    sharing,
    passes,
    kvPrecision: 'f16',
    capacityTokens: prompt.length + newTokens,
  });
  try {
    await session.prefill(prompt, {
      mode: 'parallel',
      logitsAt: [],
      onLogits: () => undefined,
      onProgress: () => undefined,
      stopped: () => false,
    });
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
