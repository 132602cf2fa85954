import { describe, expect, it } from 'vitest';
import type { Continue } from '../../../worker/peer/continued.ts';
import { MissingFile, loadBytes } from '../../../worker/peer/engine-file.ts';
import type { PeerSurroundings } from '../../../worker/peer/opened-peer.ts';
import { PeerDesk } from '../../../worker/peer/peer-desk.ts';
import type { Transformers } from '../../../worker/peer/transformers-js.ts';
import type { PeerEvent, PeerRequest } from '../../../worker/protocol/peer.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';

const file = (name: string) => ({ url: `http://page/peer/${name}`, bytes: 4, parts: 1 });
const request: PeerRequest = {
  ...{ model: 'public/models/fairy-llama', backend: 'cpu', weights: 'stored', quantizeEmbeddings: false },
  ...{ config: {}, input: { text: 'Once upon a time' }, newTokens: 3 },
  files: { engine: 'transformers.js', script: file('t.js'), loader: file('o.js'), wasm: file('o.wasm') },
};

/** An engine that writes the same tokens whatever it is given, after a number of runs that are fine. */
const engineThat = (fails: () => void): Transformers => ({
  versions: { transformers: '4', onnxRuntime: '1' },
  threads: 1,
  open: () =>
    Promise.resolve((prompt, newTokens, onToken) => {
      fails();
      for (let count = 1; count <= newTokens; count++) onToken?.(count);
      const tokens = Array.from({ length: newTokens }, (_, i) => 300 + i);
      return Promise.resolve({ tokens, prefillMs: 2, decodeTokensPerSec: 5, kvBytes: 8 * prompt.length });
    }),
});

function openDesk(changes: Partial<PeerSurroundings> = {}) {
  return new PeerDesk({
    openSource: (model) => Promise.resolve(openFolderSource(typeof model === 'string' ? model : model.id)),
    openTextPlace: placeHere,
    halves: () => Promise.resolve(false),
    loadWasm: () => Promise.resolve(Uint8Array.of(0, 0x61, 0x73, 0x6d)),
    loadTransformers: () => Promise.resolve(engineThat(() => undefined)),
    lacksForWllama: () => null,
    loadWllama: () => Promise.reject(new Error('another engine')),
    memory: () => ({ heapBytes: 7, gpuBytes: null }),
    ...changes,
  });
}

const ignore = () => undefined;

describe('the desk of a peer', () => {
  it('says what runs and with which tokens, warms up, and then writes with text and memory', async () => {
    const desk = openDesk();
    const events: PeerEvent[] = [];
    const opened = await desk.open(request, (event) => events.push(event));
    expect(opened).toMatchObject({
      ok: true,
      value: { device: 'wasm', build: 'o.wasm', threads: 1, numbers: 'f32', matrices: 'f32' },
    });
    expect(opened.ok && opened.value.promptTokens.length).toBeGreaterThan(2);
    expect(events.flatMap((event) => (event.type === 'step' ? [event.step] : []))).toEqual([
      ...['engine', 'model', 'graph', 'warm-up'],
    ]);
    expect(events.at(-1)).toEqual({ type: 'tokens', count: 3 });
    const run = await desk.write(ignore);
    expect(run).toMatchObject({
      ok: true,
      value: { tokens: [300, 301, 302], memory: { heapBytes: 7, gpuBytes: null }, prefillMs: 2 },
    });
    expect(run.ok && run.value.pieces?.join('')).toBe(run.ok && run.value.text);
    expect(run.ok && run.value.pieces).toHaveLength(3);
  });

  it('leaves the number of threads to the engine, and says how many it took', async () => {
    let asked: number | undefined = 1;
    const desk = openDesk({
      loadTransformers: ({ threads }) => {
        asked = threads;
        return Promise.resolve({ ...engineThat(ignore), threads: 3 });
      },
    });
    const opened = await desk.open(request, ignore);
    expect(asked).toBeUndefined();
    expect(opened).toMatchObject({ ok: true, value: { threads: 3 } });
  });

  it('answers without an adapter, before anything is loaded', async () => {
    const loaded: string[] = [];
    const desk = openDesk({
      halves: () => Promise.resolve(null),
      loadWasm: () => Promise.resolve(new Uint8Array(loaded.push('wasm'))),
    });
    const opened = await desk.open({ ...request, backend: 'webgpu' }, ignore);
    expect(opened).toEqual({ ok: false, failure: { code: 'no-adapter' } });
    expect(loaded).toEqual([]);
  });

  it.each([
    [new MissingFile('o.wasm', 'gone'), { code: 'missing-file', file: 'o.wasm', reason: 'gone' }],
    [new RangeError('Array buffer allocation failed'), { code: 'out-of-memory', step: 'engine' }],
    [new Error('no available backend found'), { code: 'failed', step: 'engine' }],
    [42, { code: 'failed', step: 'engine', reason: '42' }],
  ])('answers if the engine cannot be loaded: %s', async (error, failure) => {
    const desk = openDesk({
      loadTransformers: () =>
        Promise.resolve().then(() => {
          // ONNX Runtime throws plain numbers, too.
          // oxlint-disable-next-line typescript/only-throw-error
          throw error;
        }),
    });
    expect(await desk.open(request, ignore)).toMatchObject({ ok: false, failure });
  });

  it('answers if the graph has an operator that the engine lacks', async () => {
    const reason = 'Could not find an implementation for MatMulNBits(1)';
    const engine = { ...engineThat(ignore), open: () => Promise.reject(new Error(reason)) };
    const desk = openDesk({ loadTransformers: () => Promise.resolve(engine) });
    expect(await desk.open(request, ignore)).toEqual({
      ok: false,
      failure: { code: 'failed', step: 'graph', reason },
    });
  });

  it('answers if memory runs out in a later run', async () => {
    let runs = 0;
    const engine = engineThat(() => {
      if (++runs > 43) throw new Error('std::bad_alloc');
    });
    const desk = openDesk({ loadTransformers: () => Promise.resolve(engine) });
    expect(await desk.open(request, ignore)).toMatchObject({ ok: true });
    expect(await desk.write(ignore)).toMatchObject({ failure: { code: 'out-of-memory', step: 'run' } });
  });

  it('passes on why a model cannot be read', async () => {
    const opened = await openDesk().open({ ...request, model: 'public/models' }, ignore);
    expect(opened).toMatchObject({ failure: { code: 'model', failure: { code: 'download-failed' } } });
  });
});

describe('the desk of wllama', () => {
  const files = { engine: 'wllama', version: '3', script: file('w.js'), wasm: file('w.wasm') } as const;
  const inWllama: PeerRequest = { ...request, files };
  const place = {
    version: 'b1',
    open: (model: { readonly gguf: readonly Uint8Array[]; readonly positions: number }) => {
      expect(new TextDecoder().decode(model.gguf[0]?.subarray(0, 4))).toBe('GGUF');
      expect(model.positions).toBeGreaterThan(5);
      const write: Continue = (_, newTokens) =>
        Promise.resolve({
          tokens: Array.from({ length: newTokens }, () => 300),
          ...{ prefillMs: 2, decodeTokensPerSec: 5, kvBytes: 8 },
        });
      return Promise.resolve({ threads: 1, write, heapBytes: () => Promise.resolve(9) });
    },
  };

  it('says what runs, and asks its worker for its memory', async () => {
    const desk = openDesk({ loadWllama: () => Promise.resolve(place) });
    expect(await desk.open({ ...inWllama, weights: 'q4' }, ignore)).toMatchObject({
      value: {
        ...{ program: 'wllama 3, llama.cpp b1', device: 'wasm', build: 'w.wasm', threads: 1 },
        ...{ matrices: 'q4', numbers: 'i8' },
      },
    });
    expect(await desk.write(ignore)).toMatchObject({
      value: { tokens: [300, 300, 300], memory: { heapBytes: 9, gpuBytes: null } },
    });
  });

  it('says what the browser lacks, before anything is loaded', async () => {
    const loadWasm = () => Promise.reject(new Error('loaded'));
    const desk = openDesk({ lacksForWllama: () => 'memory of 64 bits', loadWasm });
    expect(await desk.open(inWllama, ignore)).toEqual({
      ok: false,
      failure: { code: 'unsupported', what: 'memory of 64 bits' },
    });
  });

  it('says that a file is no WebAssembly, before wllama stumbles over it', async () => {
    const desk = openDesk({ loadWasm: () => Promise.resolve(new Uint8Array(4)) });
    expect(await desk.open(inWllama, ignore)).toMatchObject({
      failure: { code: 'missing-file', file: 'w.wasm', reason: 'it is no WebAssembly' },
    });
  });

  it('says what its file cannot say', async () => {
    const desk = openDesk({ loadWllama: () => Promise.resolve(place) });
    const shared = { ...inWllama, config: { layerTypes: '0_0_2_2_4_4_6_6' } };
    expect(await desk.open(shared, ignore)).toMatchObject({ failure: { code: 'not-writable' } });
  });
});

describe('the warm-up of a peer', () => {
  it.each([
    ['cpu', 43], // 128 tokens, three at a time: WebAssembly is optimized while it runs
    ['webgpu', 1],
  ] as const)('on %s writes %d times', async (backend, times) => {
    let runs = 0;
    const engine = engineThat(() => void runs++);
    const desk = openDesk({ loadTransformers: () => Promise.resolve(engine) });
    expect(await desk.open({ ...request, backend }, ignore)).toMatchObject({ ok: true });
    expect(runs).toBe(times);
  });
});

describe('a file of the engine', () => {
  const answer = (body: Uint8Array<ArrayBuffer>, status = 200) =>
    loadBytes(file('o.wasm'), () => Promise.resolve(new Response(body, { status })), ignore);

  it('is loaded if it is as long as it was when the page was built', async () => {
    expect([...(await answer(Uint8Array.of(1, 2, 3, 4)))]).toEqual([1, 2, 3, 4]);
  });

  it('is put together of its parts, in their order', async () => {
    const asked: string[] = [];
    const bytes = await loadBytes(
      { ...file('o.wasm'), parts: 2 },
      (url) => {
        asked.push(String(url));
        return Promise.resolve(new Response(Uint8Array.of(2 * asked.length - 1, 2 * asked.length)));
      },
      ignore,
    );
    expect([...bytes]).toEqual([1, 2, 3, 4]);
    expect(asked).toEqual(['http://page/peer/o.wasm.part1', 'http://page/peer/o.wasm.part2']);
  });

  it.each([
    ['shorter', Uint8Array.of(1, 2, 3), 200],
    ['longer', Uint8Array.of(1, 2, 3, 4, 5), 200],
    ['missing', Uint8Array.of(1, 2, 3, 4), 404],
  ])('is refused if it is %s', async (_, body, status) => {
    await expect(answer(body, status)).rejects.toThrow(MissingFile);
  });
});
