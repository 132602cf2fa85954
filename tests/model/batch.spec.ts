import { describe, expect, it } from 'vitest';
import type { BatchText, BatchTurn, Continuation, ModelWeights, PlanOptions } from '../../gpu/backend.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { largestBatch } from '../../worker/evaluate/largest-batch.ts';
import { layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { policyWith } from '../support/arbitrary-policies.ts';
import { openGpuBackend, putRandomModel, tinyDims } from '../support/random-model.ts';
import { openBackend } from '../support/test-engine.ts';

const plan: PlanOptions = {
  sharing: sharingOf('0_2s_2_3'),
  passes: { forward: 2, backward: 1 },
  kvPrecision: 'f16',
};
const ignore = () => undefined;
const never = () => false;

describe('The sequences of a batch on WebGPU', () => {
  it('take the memory that was foreseen, to the byte, and the bytes of each are its own', async () => {
    const backend = await openBackend('webgpu');
    const [model] = (await putRandomModel([backend], tinyDims, layersOf('0_1_2_3'))) as [ModelWeights];
    const before = backend.allocatedBytes;
    const policy = policyWith('keyformer', { heavy: 2, recent: 3, positions: 'cache' });
    const eviction = { policy, scored: false, promptTokens: 9, kernels: null };
    for (const [places, own] of [
      ...[1, 3, 4, 9].map((count) => [count, {}] as const),
      ...[1, 3].map((count) => [count, { eviction }] as const),
    ]) {
      const texts = [50, 30, 20, 20].map((capacityTokens) => ({ capacityTokens, ...own }));
      const batch = await model.openBatch({ ...plan, places, texts, turnTokens: 9 });
      expect(batch.allocatedBytes).toBe(batch.sharedBytesFor(places));
      expect(backend.allocatedBytes).toBe(before + batch.allocatedBytes);
      for (const text of texts.slice(0, places)) {
        const session = await model.open({ ...plan, ...text });
        expect((await batch.open(text)).kvUsage()).toEqual(session.kvUsage());
        session.close();
      }
      batch.close();
      expect(backend.allocatedBytes).toBe(before);
    }
    const text = { capacityTokens: 30, turnTokens: 9 };
    const crowd = await largestBatch(model, plan, { ...text, eviction, turnTokens: 9 }, 1e9);
    expect(crowd).toMatchObject({ places: 32, missingBytes: null });
    const roomy = await largestBatch(model, plan, text, model.bytes + 200_000);
    expect(roomy.places).toBeGreaterThan(5);
    expect(roomy.verifiedBytes).toBe(roomy.weightBytes + roomy.kvBytes + roomy.scratchBytes);
    expect(roomy.verifiedBytes).toBeLessThanOrEqual(model.bytes + 200_000);
    const exact = await largestBatch(model, plan, text, roomy.verifiedBytes);
    expect(exact).toMatchObject({ places: roomy.places, verifiedBytes: roomy.verifiedBytes });
    const short = await largestBatch(model, plan, text, roomy.verifiedBytes - 1);
    expect(short).toMatchObject({ places: roomy.places - 1, missingBytes: 1 });
    expect(backend.allocatedBytes).toBe(before);
    backend.destroy();
  });

  it('read their prompts in memory that they have, again after a stop, and fail together if the device is lost', async () => {
    const backend = await openGpuBackend();
    const [model] = (await putRandomModel([backend], tinyDims, layersOf('0_1_2_3'))) as [ModelWeights];
    const prompts = [9, 14, 3, 11].map((length, i) => Array<number>(length).fill(i + 1));
    const text = { capacityTokens: 20 };
    const batch = await model.openBatch({ ...plan, places: 4, texts: [text], turnTokens: 14 });
    const texts: BatchText[] = [];
    for (let place = 0; place < 4; place++) texts.push(await batch.open(text));
    const turns = texts.map((each, i): BatchTurn => ({
      ...{ text: each, tokens: prompts[i] ?? [], mode: i === 2 ? 'sequential' : 'parallel' },
    }));
    const before = backend.allocatedBytes;
    expect(before).toBe(model.bytes + batch.allocatedBytes);
    let most = 0;
    const noting = () => {
      most = Math.max(most, backend.allocatedBytes);
    };
    const read = (stopped: () => boolean) =>
      batch.prefill(turns, { onPrepared: noting, onProgress: noting, stopped });
    const write = async () => {
      const tokens = texts.map((): number[] => []);
      const rest = { sampling: greedy, maxNewTokens: 5, endTokens: new Set<number>() };
      const lines = texts.map((each, i) => ({
        text: each,
        ...rest,
        onToken: (id: number) => tokens[i]?.push(id),
      }));
      await batch.decode(lines, { stopped: never });
      return tokens;
    };
    expect(await read(never)).toBe(true);
    // Steps and sizes of kernels, and no rows.
    expect(most - before).toBeLessThan(20_000);
    const expected = await write();
    for (const looks of [0, 2]) {
      for (const each of texts) expect(each.rewind(0)).toBe(true);
      let looked = 0;
      expect(await read(() => looked++ >= looks)).toBe(false);
      for (const each of texts) expect(each.rewind(0)).toBe(true);
      expect(await read(never)).toBe(true);
      expect(await write()).toEqual(expected);
    }
    expect(backend.allocatedBytes).toBe(before);
    for (const each of texts) each.rewind(0);
    const losing = read(() => {
      backend.context.device.destroy();
      return false;
    });
    await expect(losing).rejects.toMatchObject({ failure: { code: 'device-lost' } });
  });

  it('read every matrix once a step, however many there are', async () => {
    const backend = await openBackend('webgpu');
    const [model] = (await putRandomModel([backend], tinyDims, layersOf('0_1_2_3'))) as [ModelWeights];
    const prefill = { mode: 'parallel', logitsAt: [], onLogits: ignore, onProgress: ignore } as const;
    for (const places of [1, 3]) {
      const text = { capacityTokens: 9 };
      const batch = await model.openBatch({ ...plan, places, texts: [text], turnTokens: 1 });
      const lines: Continuation[] = [];
      for (let place = 0; place < places; place++) {
        const opened = await batch.open(text);
        await opened.prefill([1 + place], { ...prefill, stopped: never });
        const rest = { sampling: greedy, maxNewTokens: 5, endTokens: new Set<number>(), onToken: ignore };
        lines.push({ text: opened, ...rest });
      }
      await batch.decode(lines, { stopped: never });
      // Of five tokens each, the first needs no step. Keys and values of three owners are one product each.
      expect(batch.work?.products).toBe(4 * (4 * tinyDims.layerCount + 3 + 1));
      batch.close();
    }
    backend.destroy();
  });
});
