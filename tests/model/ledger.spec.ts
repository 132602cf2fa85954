import { liveHeapBytes, modelSource } from '#platform';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../gpu/backend.ts';
import type { KvUsage } from '../../gpu/kv/usage.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import { Engine } from '../../worker/engine/engine.ts';
import { succeed, valueOf } from '../../worker/outcome.ts';
import type { GenerateRequest } from '../../worker/protocol/generate.ts';
import { arbitrarySharing, layersOf } from '../support/arbitrary-plans.ts';
import { goldenFolder } from '../support/golden.ts';
import { sampleOf } from '../support/samples.ts';
import { backends, openBackend } from '../support/test-engine.ts';
import { placeHere } from '../../worker/text/place-here.ts';
import { openOwnGpuBackend, putRandomModel, tinyDims } from '../support/random-model.ts';
import { fc } from '../support/seeded-properties.ts';

const stepsInFlight = 8;

/** The KV figures of docs/semantics.md, written again so that the engine is not its own oracle. */
function figures({ layers, windowTokens }: Sharing, elementBytes: number, capacity: number, written: number) {
  const rowBytes = 2 * tinyDims.kvHeads * tinyDims.headDim * elementBytes;
  const sum = { bytes: 0, bytesPerToken: 0, allocatedBytes: 0 };
  for (let owner = 0; owner < layers.length; owner++) {
    const readers = layers.filter((layer) => layer.readsFrom === owner);
    if (readers.length === 0) continue;
    const windowed = readers.every((layer) => layer.windowed);
    const ring = windowTokens + stepsInFlight;
    sum.bytesPerToken += rowBytes;
    sum.bytes += rowBytes * (windowed ? Math.min(windowTokens, written) : written);
    sum.allocatedBytes += rowBytes * (windowed ? Math.min(ring, capacity) : capacity);
  }
  return sum;
}

const figuresOf = ({ bytes, bytesPerToken, allocatedBytes }: KvUsage) => ({
  bytes,
  bytesPerToken,
  allocatedBytes,
});

const arbitraryText = fc.record({
  sharing: arbitrarySharing(tinyDims.layerCount).filter(
    ({ layers }) => layers.length === tinyDims.layerCount,
  ),
  kvPrecision: fc.constantFrom('f16' as const, 'f32' as const),
  promptTokens: fc.integer({ min: 1, max: 20 }),
  newTokens: fc.integer({ min: 0, max: 6 }),
  spareTokens: fc.nat(9),
});

describe.each(backends)('On the backend %s', (name) => {
  const runs = name === 'webgpu' ? sampleOf({ all: 200, node: 40, chromium: 12 }) : 40;
  it(`KV bytes in use, per token and allocated equal the formulas for ${runs} random plans`, async () => {
    const backend = await openBackend(name);
    const [model] = await putRandomModel([backend], tinyDims, layersOf('0_1_2_3'));
    if (!model) throw new Error('one backend gives one model');
    const weightBytes = backend.allocatedBytes;
    await fc.assert(
      fc.asyncProperty(arbitraryText, async (text) => {
        const { sharing, kvPrecision, promptTokens, newTokens } = text;
        const capacityTokens = promptTokens + newTokens + text.spareTokens;
        const passes = { forward: 2, backward: 1 };
        const session = await model.open({ sharing, passes, kvPrecision, capacityTokens });
        await session.prefill(
          Array.from({ length: promptTokens }, (_, i) => i % tinyDims.vocabSize),
          {
            mode: 'parallel',
            logitsAt: [],
            onLogits: () => undefined,
            onProgress: () => undefined,
            stopped: () => false,
          },
        );
        await session.decode({
          sampling: greedy,
          maxNewTokens: newTokens,
          endTokens: new Set(),
          onToken: () => undefined,
          stopped: () => false,
        });
        const written = promptTokens + Math.max(0, newTokens - 1);
        const wanted = figures(sharing, kvPrecision === 'f16' ? 2 : 4, capacityTokens, written);
        expect(figuresOf(session.kvUsage())).toEqual(wanted);
        // The figure must match real memory: the whole backend holds at least that much more.
        expect(backend.allocatedBytes - weightBytes).toBeGreaterThanOrEqual(wanted.allocatedBytes);
        session.close();
        expect(backend.allocatedBytes).toBe(weightBytes);
      }),
      { numRuns: runs },
    );
    model.free();
    expect(backend.allocatedBytes, name).toBe(0);
    backend.destroy();
  });
});

const request = (layerTypes: string): GenerateRequest => ({
  input: { turns: [[1, 2, 3, 4, 5]] },
  config: { layerTypes },
  mode: 'auto',
  kvPrecision: 'f16',
  maxNewTokens: 3,
  policy: { id: 'none' },
  ignoreEos: true,
  sampling: greedy,
  logits: [],
  score: false,
});

/** In cycles of ten, of which the last unloads everything. Only Node can say how large its heap is. */
const cycles = sampleOf({ all: 50, node: 50, chromium: 10 });

it.each(['webgpu', 'cpu'] as const)(
  `${cycles} loads, plan changes and unloads return to the same bytes, and the heap to within 2 MB: %s`,
  async (name) => {
    const opened: Backend[] = [];
    const engine = new Engine({
      openBackend: async () => {
        const backend = await (name === 'webgpu' ? openOwnGpuBackend() : openBackend(name));
        opened.push(backend);
        return backend;
      },
      openTextPlace: placeHere,
      openSource: (folder) => succeed(modelSource(folder)),
    });
    const ignore = () => undefined;
    const bytesOpen = () => opened.reduce((sum, backend) => sum + backend.allocatedBytes, 0);
    const load = async (model: string) => {
      const wanted = {
        model: goldenFolder(model),
        backend: name,
        weights: 'stored',
        quantizeEmbeddings: false,
      } as const;
      valueOf(await engine.load(wanted, ignore));
      return bytesOpen();
    };
    const plans = ['0_6_6_6_6_6_6_7', '0_1_2_3_4_5_6_7', '0s_1s_2s_3s_4_4_4_4', '0_0_2_2_4_4_6_6'];

    await load('lckv');
    for (const plan of plans) valueOf(await engine.generate(request(plan), ignore));
    await load('llama');
    const beganBytes = await load('lckv');
    const beganHeap = liveHeapBytes();
    for (let cycle = 0; cycle < cycles; cycle++) {
      // Another model, and sometimes nothing at all, not even the device.
      if (cycle % 10 === 9) await engine.unload();
      else await load('llama');
      if (cycle % 10 === 9) expect(bytesOpen()).toBe(0);
      expect(await load('lckv')).toBe(beganBytes);
      valueOf(await engine.generate(request(plans[cycle % plans.length] ?? ''), ignore));
      expect(bytesOpen()).toBe(beganBytes);
      opened.splice(0, opened.length - 1);
    }
    const endedHeap = liveHeapBytes();
    console.log(`heap: ${String(beganHeap)} bytes, then ${String(endedHeap)}`);
    if (beganHeap !== null && endedHeap !== null) expect(endedHeap - beganHeap).toBeLessThan(2 * 2 ** 20);
    await engine.unload();
    expect(bytesOpen()).toBe(0);
  },
);
