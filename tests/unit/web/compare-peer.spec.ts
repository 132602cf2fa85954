import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { PeerFacts, PeerOutcome, PeerRequest, PeerRun } from '../../../worker/protocol/peer.ts';
import type { GenerateRequest } from '../../../worker/protocol/generate.ts';
import type { LoadRequest } from '../../../worker/protocol/load.ts';
import { comparisonAsCsv } from '../../../web/panels/compare/comparison-csv.ts';
import { Comparison } from '../../../web/panels/compare/comparison.svelte.ts';
import { contendersHash, readContenders } from '../../../web/panels/compare/contender-link.ts';
import { downloadBytes, peerFiles } from '../../../web/experiments/peers/peer-build.ts';
import { PeerClient, type Peer } from '../../../web/experiments/peers/peer-client.ts';
import { impossibleThere } from '../../../web/experiments/peers/peer-plan.ts';
import { explainPeer, peerMemory } from '../../../web/experiments/peers/peer-words.ts';
import { modelIsReady } from '../../../web/playground/model-is-ready.svelte.ts';
import type { Engine } from '../../../web/playground/borrow-engine.ts';
import { Playground } from '../../../web/playground/playground.svelte.ts';
import { defaultConfig } from '../../../web/settings/settings.ts';

const stored = {
  ...{ layerTypes: '0_1', slidingWindow: 64, forwardPasses: 3, backwardPasses: 1, forceNodiag: false },
};
const model = {
  ...{ id: 'fairy-lckv', stored, dims: { layerCount: 2 }, kernels: [], weightBytes: 1000 },
  adapter: { backend: 'cpu', vendor: '', description: '', software: false },
};

/** What happened, in order. */
let log: string[] = [];
beforeEach(() => {
  log = [];
  vi.stubGlobal('location', new URL('http://page/some/'));
});

const engine = {
  stop: vi.fn(),
  load: (_: LoadRequest) => Promise.resolve({ ok: true, value: model }),
  generate: ({ input, sampling }: GenerateRequest) => {
    const given =
      'turns' in input ? `tokens ${JSON.stringify(input.turns)} at ${sampling.temperature}` : 'the prompt';
    log.push(`kvtab continues ${given}`);
    const value = {
      ...{ end: 'length', tokens: [5, 6, 7], text: 'abc', mode: 'parallel' },
      kv: { bytes: 96, allocatedBytes: 128, bytesPerToken: 24, layers: [] },
      timing: { prefillMs: 10, decodeMs: 1, prefillTokensPerSec: 1, decodeTokensPerSec: 9 },
    };
    return Promise.resolve({ ok: true, value });
  },
  score: () => Promise.resolve({ ok: true, value: { divergence: null } }),
};

const facts: PeerFacts = {
  ...{ program: 'transformers.js 4, ONNX Runtime 1', device: 'wasm', build: 'o.wasm', threads: 1 },
  ...{ numbers: 'f32', matrices: 'f32', promptTokens: [1, 2] },
};
const ran: PeerRun = {
  ...{ tokens: [5, 6, 7], pieces: ['a', 'b', 'c'], text: 'abc', prefillMs: 20, decodeTokensPerSec: 3 },
  ...{ kvBytes: 192, memory: { heapBytes: 2 ** 20, gpuBytes: null } },
};

class FakePeer implements Peer {
  answer: () => Promise<PeerOutcome<PeerRun>> = () => Promise.resolve({ ok: true, value: ran });
  opening: PeerOutcome<PeerFacts> = { ok: true, value: facts };

  open(request: PeerRequest) {
    log.push(`peer opens ${request.files.wasm.url.replace(/.*\//, '')}`);
    return Promise.resolve(this.opening);
  }
  write() {
    log.push('peer writes');
    return this.answer();
  }
  close() {
    log.push('peer closes');
  }
}

async function openPair(peer: Peer = new FakePeer(), layerTypes = '0_1') {
  const playground = new Playground(engine as unknown as Engine); // it calls nothing else
  playground.start(Promise.resolve([{ id: model.id, name: '', description: '', kernels: [], stored }]));
  await vi.waitFor(() => {
    expect(playground.phase.at).toBe('ready');
  });
  const comparison = new Comparison(playground, modelIsReady, () => peer);
  comparison.rounds = 2;
  comparison.put({ ...playground.config, backend: 'cpu' });
  comparison.put({ ...playground.config, backend: 'cpu', layerTypes }, 'transformers.js');
  return { playground, comparison };
}

describe('a comparison with transformers.js', () => {
  it('gives both the same tokens, greedily, and times them forwards and backwards by turns', async () => {
    const { comparison } = await openPair();
    await comparison.run();
    expect(log).toEqual([
      'kvtab continues the prompt',
      'peer opens ort-wasm-simd-threaded.wasm',
      'kvtab continues tokens [[1,2]] at 0',
      'peer writes',
      ...['peer writes', 'kvtab continues the prompt'],
      ...['kvtab continues the prompt', 'peer writes'],
      'peer closes',
    ]);
    const [own, there] = comparison.result?.entries ?? [];
    expect(own?.run).toMatchObject({ allocatedBytes: 1128 });
    expect(there?.run).toMatchObject({ prefillMs: [20, 20], kvBytesPerToken: 48, allocatedBytes: null });
    expect(there?.beside).toMatchObject({ difference: null, tokens: 3, promptTokens: 2 });
  });

  it('shows the first token that differs, as both wrote it', async () => {
    const peer = new FakePeer();
    peer.answer = () => Promise.resolve({ ok: true, value: { ...ran, tokens: [5, 9, 7] } });
    const { comparison } = await openPair(peer);
    await comparison.run();
    expect(comparison.result?.entries[1]?.beside?.difference).toEqual({ at: 1, kvtab: '6', there: '9 “b”' });
  });

  it('does not open a peer for a plan that is impossible there, and says why', async () => {
    const { comparison } = await openPair(new FakePeer(), '0_0');
    await comparison.run();
    expect(log.filter((line) => line.startsWith('peer'))).toEqual([]);
    expect(comparison.result?.entries[1]).toMatchObject({
      run: null,
      failure: expect.stringContaining('layer 1 reads the keys and values of layer 0') as string,
    });
    expect(comparison.result?.entries[0]?.run?.prefillMs).toHaveLength(2);
  });

  it('keeps what was measured if the peer fails in a later round, and says what failed', async () => {
    const peer = new FakePeer();
    let runs = 0;
    peer.answer = () =>
      Promise.resolve(
        ++runs < 3
          ? { ok: true, value: ran }
          : { ok: false, failure: { code: 'out-of-memory', step: 'run', reason: 'bad_alloc' } },
      );
    const { comparison } = await openPair(peer);
    await comparison.run();
    const [own, there] = comparison.result?.entries ?? [];
    expect(there?.run?.prefillMs).toEqual([20]);
    expect(there?.failure).toMatch(/ran out of memory while writing \(bad_alloc\)/);
    expect(own?.run?.prefillMs).toHaveLength(2);
  });

  it('is stopped while the peer works, which is ended at once', async () => {
    const peer = new FakePeer();
    let end: (outcome: PeerOutcome<never>) => void = () => undefined;
    peer.answer = () => new Promise((resolve) => (end = resolve));
    peer.close = () => {
      log.push('peer closes');
      end({ ok: false, failure: { code: 'stopped' } });
    };
    const { comparison, playground } = await openPair(peer);
    const done = comparison.run();
    await vi.waitFor(() => {
      expect(log).toContain('peer writes');
    });
    comparison.stop();
    await done;
    expect(log.at(-1)).toBe('peer closes');
    expect(comparison.result).toBeNull();
    expect(playground.phase.at).toBe('ready');
  });

  it('is in the link, on the device and in the CSV', async () => {
    const { comparison, playground } = await openPair();
    await comparison.run();
    const hash = contendersHash(playground.config, comparison.contenders);
    expect(hash).toContain('2.engine=transformers.js');
    const parts = hash.split('&').filter((part) => /^\d\./.test(part));
    const read = readContenders(parts, playground);
    expect(read.complaints).toEqual([]);
    expect(read.contenders.map(({ runner }) => runner)).toEqual(['kvtab', 'transformers.js']);
    expect(readContenders(['1.model=fairy-lckv', '1.engine=other'], playground).complaints).toHaveLength(1);

    const again = new Comparison(playground);
    await again.restore();
    expect(again.contenders.map(({ runner }) => runner)).toEqual(['kvtab', 'transformers.js']);
    expect(again.result).toEqual(comparison.result);

    if (!comparison.result) throw new Error('it ran');
    const [header = '', , line = ''] = comparisonAsCsv(comparison.contenders, comparison.result).split(
      '\r\n',
    );
    const cells = (text: string) => text.slice(1, -1).split('","');
    const row = Object.fromEntries(cells(header).map((name, i) => [name, cells(line)[i]]));
    expect(row).toMatchObject({
      ...{ engine: 'transformers.js', engineVersion: 'transformers.js 4, ONNX Runtime 1' },
      ...{ promptTokens: '2', tokensCompared: '3', heapBytes: String(2 ** 20) },
    });
  });
});

describe('what transformers.js cannot run', () => {
  const reason = (changes: Partial<typeof defaultConfig>) =>
    impossibleThere({ ...defaultConfig, layerTypes: '0_1_2', ...changes }, 'transformers.js');

  it.each([
    [{ layerTypes: '0_2_2' }, /layer 1 reads the keys and values of layer 2 above it/],
    [{ layerTypes: '0_0_2' }, /layer 1 reads the keys and values of layer 0/],
    [{ forceNodiag: true }, /its attention always sees the current token/],
    [{ policy: 'h2o' as const }, /its cache keeps everything/],
  ])('is said of %j', (changes, why) => {
    expect(reason(changes)).toMatch(why);
  });

  it('is, of wllama, also a window, and WebGPU', () => {
    const inWllama = (changes: Partial<typeof defaultConfig>) =>
      impossibleThere({ ...defaultConfig, layerTypes: '0_1_2', backend: 'cpu', ...changes }, 'wllama');
    expect(inWllama({})).toBeNull();
    expect(inWllama({ layerTypes: '0s_1_2' })).toMatch(/every layer .* sees all earlier tokens/);
    expect(inWllama({ backend: 'webgpu' })).toMatch(/on the CPU alone/);
    expect(inWllama({ layerTypes: '0_0_2' })).toMatch(/Impossible in wllama: layer 1 reads/);
  });

  it('is nothing about plain plans and windows', () => {
    expect(reason({})).toBeNull();
    expect(reason({ layerTypes: '0s_1_2s' })).toBeNull();
  });
});

describe('the client of a peer', () => {
  /** A worker that never answers. */
  class SilentWorker extends EventTarget {
    terminated = false;
    postMessage() {
      // Nobody is there.
    }
    start() {
      // Comlink calls it on ports.
    }
    terminate() {
      this.terminated = true;
    }
  }
  const request = {} as PeerRequest; // nobody reads it

  it('ends a worker that is silent for too long', async () => {
    const worker = new SilentWorker();
    const client = new PeerClient(worker as unknown as Worker, 1000);
    vi.useFakeTimers();
    const opened = client.open(request, () => undefined);
    await vi.advanceTimersByTimeAsync(1001);
    vi.useRealTimers();
    expect(await opened).toEqual({ ok: false, failure: { code: 'silent', seconds: 1 } });
    expect(worker.terminated).toBe(true);
  });

  it('answers a call that is in progress when it is closed', async () => {
    const worker = new SilentWorker();
    const client = new PeerClient(worker as unknown as Worker);
    const opened = client.open(request, () => undefined);
    client.close();
    expect(await opened).toEqual({ ok: false, failure: { code: 'stopped' } });
    expect(worker.terminated).toBe(true);
  });

  it('says that the worker broke', async () => {
    const worker = new SilentWorker();
    const client = new PeerClient(worker as unknown as Worker);
    const opened = client.open(request, () => undefined);
    worker.dispatchEvent(Object.assign(new Event('error'), { message: 'it crashed' }));
    expect(await opened).toEqual({ ok: false, failure: { code: 'broken', reason: 'it crashed' } });
  });
});

it('What a download takes is the sum of the files of that build', () => {
  const filesFor = (backend: 'webgpu' | 'cpu') => peerFiles('transformers.js', backend, 'http://page/some/');
  const [gpu, cpu] = [filesFor('webgpu'), filesFor('cpu')];
  expect(gpu.wasm.url).toMatch(/^http:\/\/page\/some\/peer\/.*asyncify\.wasm$/);
  expect(downloadBytes(gpu)).toBe(
    gpu.script.bytes + ('loader' in gpu ? gpu.loader.bytes : NaN) + gpu.wasm.bytes,
  );
  expect(downloadBytes(cpu)).toBeGreaterThan(10 * 2 ** 20);
});

it('Memory that nobody can see is called not reported', () => {
  expect(peerMemory({ heapBytes: null, gpuBytes: null })).toBe('not reported');
  expect(peerMemory({ heapBytes: 2 ** 20, gpuBytes: 2 ** 21 })).toBe(
    '1 MiB WebAssembly memory, 2 MiB GPU buffers',
  );
});

it.each([
  { code: 'no-adapter' },
  { code: 'too-large', bytes: 3e9, mostBytes: 2e9 },
  { code: 'not-writable', reason: 'x' },
  { code: 'unsupported', what: 'x' },
  { code: 'silent', seconds: 180 },
  { code: 'broken', reason: 'x' },
  { code: 'failed', step: 'graph', reason: 'Could not find an implementation for X.' },
  { code: 'missing-file', file: 'a.wasm', reason: 'x' },
  { code: 'not-quantizable', reason: 'x' },
] as const)('A failure is told with what to do: %j', (failure) => {
  for (const engine of ['transformers.js', 'wllama'] as const) {
    const words = explainPeer(failure, engine);
    expect(words).toMatch(/^(The worker of )?(transformers\.js|wllama) .*\.$/);
    expect(words).toContain(engine);
  }
});
