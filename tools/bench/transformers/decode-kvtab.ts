import type { Backend } from '../../../gpu/backend.ts';
import { chooseMode } from '../../../gpu/plan/choose-mode.ts';
import { greedy } from '../../../gpu/plan/sampling.ts';
import { applyConfig } from '../../../worker/loader/apply-config.ts';
import { loadModel } from '../../../worker/loader/load-model.ts';
import { openPageSource } from '../../../worker/loader/page-source.ts';
import { valueOf } from '../../../worker/outcome.ts';
import type { WeightFormats } from '../../../gpu/numbers/matrix-format.ts';
import type { Continue } from '../../../worker/peer/continued.ts';
import { placeHere } from '../../../worker/text/place-here.ts';

const ignore = () => undefined;
const never = () => false;

/** kvtab's decoder, with the page's defaults unless other weights are asked for. A prompt is read in the fastest mode. */
export async function openKvtab(
  backend: Backend,
  pageUrl: string,
  model: string,
  formats: WeightFormats = { weights: 'stored', quantizeEmbeddings: false },
): Promise<Continue> {
  const source = valueOf(openPageSource(pageUrl, model));
  const openBackend = () => Promise.resolve(backend);
  const { config, weights } = await loadModel({
    source,
    openBackend,
    openTextPlace: placeHere,
    ...formats,
    emit: ignore,
  });
  const { sharing, passes } = valueOf(applyConfig(config.stored, {}, config.dims.layerCount));
  const { layers } = sharing;
  const { useSequential } = config;
  const modeFor = (promptTokens: number) =>
    chooseMode('fastest', { layers, passes, promptTokens, useSequential, adapter: backend.adapter });

  return async (prompt, newTokens) => {
    const capacityTokens = prompt.length + newTokens;
    const session = await weights.open({ sharing, passes, kvPrecision: 'f16', capacityTokens });
    try {
      const callMs = performance.now();
      const options = { logitsAt: [], onLogits: ignore, onProgress: ignore, stopped: never };
      await session.prefill(prompt, { mode: modeFor(prompt.length), ...options });
      const tokens: number[] = [];
      // Starts before the first token is drawn: tokens arrive in bunches, so the arrival of the first one is too late.
      const startMs = performance.now();
      let lastMs = startMs;
      const onToken = (token: number) => {
        tokens.push(token);
        lastMs = performance.now();
      };
      const sampling = greedy;
      await session.decode({
        sampling,
        maxNewTokens: newTokens,
        endTokens: new Set(),
        onToken,
        stopped: never,
      });
      return {
        tokens,
        prefillMs: startMs - callMs,
        decodeTokensPerSec: newTokens < 2 ? 0 : (1000 * (newTokens - 1)) / (lastMs - startMs),
        kvBytes: session.kvUsage().bytes,
      };
    } finally {
      session.close();
    }
  };
}
