import type { BatchWork, ModelWeights, PlanOptions } from '../../gpu/backend.ts';

const greedy = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 };
const STEPS = 4;

/** What a decoding step of a batch takes whose places are all filled. */
export async function workPerStep(
  model: ModelWeights,
  plan: PlanOptions,
  places: number,
): Promise<BatchWork> {
  const texts = Array.from({ length: places }, () => ({ capacityTokens: 30 }));
  const batch = await model.openBatch({ ...plan, places, texts, turnTokens: 1 });
  const ignore = () => undefined;
  const stopped = () => false;
  const continuations: Omit<Parameters<typeof batch.decode>[0][number], 'maxNewTokens'>[] = [];
  for (const [place, options] of texts.entries()) {
    const text = await batch.open(options);
    const reading = { logitsAt: [], onLogits: ignore, onProgress: ignore, stopped };
    await text.prefill([1 + (place % 20)], { mode: 'sequential', ...reading });
    continuations.push({ text, sampling: greedy, endTokens: new Set<number>(), onToken: ignore });
  }
  const decode = (maxNewTokens: number) =>
    batch.decode(
      continuations.map((each) => ({ ...each, maxNewTokens })),
      { stopped },
    );
  await decode(1);
  const before = batch.work;
  await decode(STEPS);
  const after = batch.work;
  batch.close();
  if (!before || !after) throw new Error('this backend does not count its work');
  return {
    products: (after.products - before.products) / STEPS,
    weightBytes: (after.weightBytes - before.weightBytes) / STEPS,
  };
}
