import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { GpuContext } from '../../../gpu/webgpu/device.ts';
import { linearSlots, ringSlots } from '../../../gpu/kv/slots.ts';
import type { KvCache } from '../../../gpu/kv/cache.ts';
import { roomOf, stepsInFlightOf, TokensInFlight } from '../../../gpu/webgpu/tokens-in-flight.ts';

let nowMs = 0;
beforeEach(() => {
  nowMs = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  vi.stubGlobal('GPUMapMode', { READ: 1 });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** A queue that takes `stepMs` for a step, and tells the page of it `latencyMs` later. Steps leave their numbers. */
function fakeQueue(stepMs: number, latencyMs: number, stepsInFlight: number, alone = false) {
  const room = roomOf(stepsInFlight);
  const counts = { maps: 0, submitted: 0 };
  let gpuFreeMs = 0;
  const landsAtMs: number[] = [];
  const buffers = Array.from({ length: room.buffers }, () => {
    const words = new Uint32Array(room.steps);
    let mapped = false;
    return {
      words,
      put(offset: number, word: number) {
        if (mapped) throw new Error('a step copies into a buffer that is mapped');
        if (offset / 4 >= room.steps) throw new Error('a step copies past the end of its buffer');
        words[offset / 4] = word;
      },
      mapAsync() {
        mapped = true;
        counts.maps++;
        landsAtMs.push(Math.max(nowMs, gpuFreeMs) + latencyMs);
        return Promise.resolve(undefined);
      },
      getMappedRange: (_: number, bytes: number) => words.slice(0, bytes / 4).buffer,
      unmap: () => (mapped = false),
    };
  });
  const context = {
    wait: async <T>(work: Promise<T>) => {
      nowMs = Math.max(nowMs, landsAtMs.shift() ?? 0);
      return work;
    },
  };
  const flight = new TokensInFlight(context as unknown as GpuContext, {
    readBacks: buffers as unknown as GPUBuffer[],
    stepBytes: 4,
    stepsInFlight,
    alone,
  });
  const submit = (most: number) => {
    while (counts.submitted < most && flight.hasRoom) {
      gpuFreeMs = Math.max(gpuFreeMs, nowMs) + stepMs;
      const { buffer, offset } = flight.place;
      buffers.find((each) => (each as unknown) === buffer)?.put(offset, counts.submitted++);
      flight.launched(counts.submitted === most);
    }
  };
  return { flight, counts, submit };
}

/** Decodes so many tokens: when each landing came, and with which tokens. */
async function decode(tokens: number, ...queue: Parameters<typeof fakeQueue>) {
  const { flight, counts, submit } = fakeQueue(...queue);
  const landings: { readonly ms: number; readonly tokens: readonly number[] }[] = [];
  let arrived = 0;
  let mostInFlight = 0;
  while (arrived < tokens) {
    submit(tokens);
    mostInFlight = Math.max(mostInFlight, counts.submitted - arrived);
    const landed = await flight.land();
    landings.push({ ms: nowMs, tokens: landed.map((words) => words[0] ?? NaN) });
    arrived += landed.length;
  }
  return { landings, mostInFlight, maps: counts.maps };
}

/** Of the second half of a text. */
function steady(landings: Awaited<ReturnType<typeof decode>>['landings']) {
  const half = landings.slice(Math.floor(landings.length / 2));
  const [first, last] = [half[0], half.at(-1)];
  const tokens = half.slice(1).reduce((sum, landing) => sum + landing.tokens.length, 0);
  const gaps = half.slice(1).map(({ ms }, i) => ms - (half[i]?.ms ?? 0));
  return {
    tokensPerSec: (1000 * tokens) / ((last?.ms ?? 0) - (first?.ms ?? 0)),
    mapsPerToken: (half.length - 1) / tokens,
    longestGapMs: Math.max(...gaps),
  };
}

const cacheWith = (slots: KvCache['slots']) => ({ slots }) as KvCache; // nothing else is asked for
const all = stepsInFlightOf({ caches: [cacheWith(linearSlots(9))] });

describe('Tokens in flight', () => {
  it.each([
    [0.3, 100, all],
    [0.3, 0.5, all],
    [20, 0.5, all],
    [0.3, 0.5, 8],
  ])('land once each, in order: %d ms a step, %d ms a read-back, %d at once', async (...queue) => {
    const { landings, mostInFlight } = await decode(500, ...queue);
    expect(landings.flatMap(({ tokens }) => tokens)).toEqual([...Array(500).keys()]);
    expect(mostInFlight).toBeLessThanOrEqual(queue[2]);
  });

  it('are 32 where every position has a slot, and as many as a ring has rows for elsewhere', () => {
    expect(all).toBe(32);
    expect(stepsInFlightOf({ caches: [cacheWith(linearSlots(9)), cacheWith(ringSlots(9))] })).toBe(8);
  });

  it('come alone at first', async () => {
    const { landings } = await decode(100, 0.3, 0.5, all);
    expect(landings[0]?.tokens).toEqual([0]);
    expect(landings[1]?.tokens).toEqual([1]);
  });

  it('share a read-back at full speed: at most one for eight tokens', async () => {
    expect(steady((await decode(4000, 0.3, 0.5, all)).landings).mapsPerToken).toBeLessThanOrEqual(1 / 8);
  });

  it('sustain more than 300 tokens per second where a read-back takes 100 ms', async () => {
    const { tokensPerSec } = steady((await decode(12_000, 0.3, 100, all)).landings);
    expect(tokensPerSec).toBeGreaterThan(300);
  });

  it('arrive one by one if steps are slow, or if times are asked for', async () => {
    expect(steady((await decode(100, 60, 0.5, all)).landings).mapsPerToken).toBe(1);
    expect(steady((await decode(500, 0.3, 0.5, all, true)).landings).mapsPerToken).toBe(1);
  });

  it.each([0.3, 2, 5, 20, 60])('let a stop be heard within 100 ms: %d ms a step', async (stepMs) => {
    const { landings } = await decode(1000, stepMs, 0.5, all);
    expect(steady(landings).longestGapMs).toBeLessThanOrEqual(100);
  });

  it('are forgotten when nobody wants them', async () => {
    const { flight, submit, counts } = fakeQueue(1, 1, all);
    submit(10);
    await flight.drain();
    expect(counts.submitted).toBe(2);
    await expect(flight.land()).rejects.toThrow('no step is in flight');
  });
});
