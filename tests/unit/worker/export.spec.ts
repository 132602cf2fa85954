import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { meanOf } from '../../../gpu/plan/conversion.ts';
import { toBf16, toF16, toFloat32 } from '../../../gpu/numbers/element-type.ts';
import { openCpuBackend } from '../../../gpu/reference/backend.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import { exportModel } from '../../../worker/export/export-model.ts';
import type { ExportSink } from '../../../worker/export/export-sink.ts';
import { parseModelConfig } from '../../../worker/loader/model-config.ts';
import type { ModelSource } from '../../../worker/loader/model-source.ts';
import { headerLength, parseHeader } from '../../../worker/loader/safetensors.ts';
import { succeed, valueOf } from '../../../worker/outcome.ts';
import type { ExportRequest } from '../../../worker/protocol/export.ts';
import type { GenerateRequest } from '../../../worker/protocol/generate.ts';
import { expectAllClose } from '../../support/all-close.ts';
import { ask } from './engines.ts';
import { fileOfTensors, type TensorOf } from './safetensors-file.ts';
import { goldenHfSource, goldenSource, memorySource, shippedSource } from './sources.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import { fc } from '../../support/seeded-properties.ts';

type Files = Record<string, Uint8Array>;

/** Keeps the exported files in memory, and checks the promised sizes. */
function memorySink() {
  const files: Files = {};
  const sink: ExportSink = async (name, exported) => {
    for await (const file of exported) {
      const chunks: Uint8Array<ArrayBuffer>[] = [];
      for await (const chunk of file.chunks) chunks.push(new Uint8Array(chunk));
      files[file.name] = new Uint8Array(await new Blob(chunks).arrayBuffer());
      expect(files[file.name]?.length).toBe(file.sizeBytes);
    }
    return { name, zip: null };
  };
  return { files, sink };
}

const request = (config: ExportRequest['config'], round: ExportRequest['round'] = 'bf16'): ExportRequest => ({
  config,
  round,
  to: { to: 'zip' },
});

async function exported(source: ModelSource, asked: ExportRequest) {
  const config = valueOf(parseModelConfig(JSON.parse((await source.text('config.json')) ?? '')));
  const { files, sink } = memorySink();
  const run = { emit: () => undefined, stopped: () => false };
  const result = await exportModel({ id: 'folder:my model', config, source }, asked, run, sink);
  return { files, result, config: new TextDecoder().decode(files['config.json']) };
}

const digestOf = (bytes: Uint8Array | undefined) =>
  createHash('sha256')
    .update(bytes ?? '')
    .digest('hex');

/** Tensors with a digest for their bytes. Comparing the bytes one by one takes Vitest a minute. */
const digested = (tensors: ReadonlyMap<string, TensorOf>) =>
  new Map([...tensors].map(([name, { bytes, ...tensor }]) => [name, { ...tensor, digest: digestOf(bytes) }]));

function tensorsOf(file: Uint8Array | undefined): Map<string, TensorOf> {
  if (!file) throw new Error('there is no such file');
  const length = headerLength(file.subarray(0, 8), file.length);
  const { tensors } = parseHeader(file.subarray(8, 8 + length), file.length);
  return new Map(
    [...tensors].map(([name, { dtype, shape, begin, end }]) => [
      name,
      { dtype, shape, bytes: file.slice(8 + length + begin, 8 + length + end) },
    ]),
  );
}

async function storedTensors(source: ModelSource, name = 'model.safetensors') {
  const opened = await source.open(name);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (
    let next = await opened?.chunks.next();
    next && next.done !== true;
    next = await opened?.chunks.next()
  ) {
    chunks.push(new Uint8Array(next.value));
  }
  return tensorsOf(new Uint8Array(await new Blob(chunks).arrayBuffer()));
}

/** Logits of a short prompt under a plan, by the engine on the CPU. */
async function logitsOf(source: ModelSource, config: GenerateRequest['config'] = {}) {
  const engine = new Engine({
    openBackend: () => Promise.resolve(openCpuBackend()),
    openTextPlace: placeHere,
    openSource: () => succeed(source),
  });
  valueOf(
    await engine.load(
      { model: 'any', backend: 'cpu', weights: 'stored', quantizeEmbeddings: false },
      () => undefined,
    ),
  );
  const asked = ask({ input: { turns: [[5, 9, 2, 40, 40, 3]] }, config, logits: [0, 3, 5], maxNewTokens: 8 });
  return valueOf(await engine.generate(asked, () => undefined));
}

function expectClose(
  got: readonly Float32Array[],
  expected: readonly Float32Array[],
  tolerance: number,
): void {
  expect(got.length).toBe(expected.length);
  for (const [row, logits] of got.entries()) {
    expectAllClose(logits, expected[row] ?? [], { absolute: tolerance, relative: 0 }, `row ${row}, token`);
  }
}

describe('The stored plan, exported', () => {
  it.each([
    ['a shipped model', () => shippedSource('fairy-lckv')],
    ['a plain one', () => shippedSource('fairy-llama')],
    ['bfloat16 with a bias', () => goldenHfSource('qwen2-implicit-bias')],
    ['tied, with norms of heads', () => goldenHfSource('qwen3-like')],
  ])('has the same tensors, to the bit: %s', async (_, open) => {
    const source = open();
    const { files, result, config } = await exported(source, request({}));
    expect(digested(tensorsOf(files['model.safetensors']))).toEqual(digested(await storedTensors(source)));
    const stored = JSON.parse((await source.text('config.json')) ?? '') as object;
    expect(JSON.parse(config)).toEqual(stored);
    expect(result).toMatchObject({ end: 'complete', name: 'my-model-export' });
  });

  it('is one file, even if the source had shards', async () => {
    const source = goldenHfSource('llama-bf16-sharded');
    const { files } = await exported(source, request({}));
    const got = digested(tensorsOf(files['model.safetensors']));
    for (const shard of [1, 2, 3, 4]) {
      const stored = await storedTensors(source, `model-0000${shard}-of-00004.safetensors`);
      for (const [name, tensor] of digested(stored)) expect(got.get(name)).toEqual(tensor);
    }
  });

  it('includes its tokenizer, and keeps numbers as they are written', async () => {
    const source = shippedSource('fairy-lckv');
    const { files, config, result } = await exported(source, request({}));
    for (const name of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json']) {
      expect(new TextDecoder().decode(files[name])).toBe(await source.text(name));
    }
    expect(config).toContain('"rms_norm_eps": 1e-05');
    expect(config).toContain('"rope_theta": 10000.0');
    expect(result.files).toEqual(Object.keys(files));
    expect(result.bytes).toBe(Object.values(files).reduce((sum, { length }) => sum + length, 0));
  });

  it.each(['bf16', 'f16'] as const)('of 32 bits is rounded to %s', async (type) => {
    const source = goldenSource('lckv');
    const { files, config } = await exported(source, request({}, type));
    const got = tensorsOf(files['model.safetensors']);
    for (const [name, { bytes }] of await storedTensors(source)) {
      const values = toFloat32(bytes, 'f32');
      const rounded = type === 'f16' ? toF16(values) : toBf16(values);
      expect(digestOf(got.get(name)?.bytes)).toBe(digestOf(new Uint8Array(rounded.buffer)));
    }
    const said = { torch_dtype: type === 'f16' ? 'float16' : 'bfloat16' };
    expect(JSON.parse(config)).toMatchObject(said);
  });
});

describe('Another plan, exported', () => {
  it.each([
    ['fairy-llama', '0_6_6_6_6_6_6_7', 'lckv'],
    ['fairy-llama', '0s_0_2_2s_7_7_7_7', 'lckv'],
    ['fairy-lckv', '0_1_2_3_4_5_6_7', 'transformers'],
    ['fairy-lckv', '3_3_3_3_3_3_3_3', 'lckv'],
  ])(
    'gives %s the same logits as under %s, up to the rounding of means',
    async (model, layerTypes, readBy) => {
      const source = shippedSource(model);
      const plan = { layerTypes, slidingWindow: 4 };
      const { files, result } = await exported(source, request(plan, 'f16'));
      expect(result.readBy).toBe(readBy);
      const before = await logitsOf(source, plan);
      const after = await logitsOf(memorySource(files));
      expectClose(after.logits, before.logits, 0.05);
    },
  );

  it('is the same to the bit if projections are only copied', async () => {
    const source = shippedSource('fairy-lckv');
    for (const layerTypes of ['0_1_2_3_4_5_6_7', '0s_6s_6s_6_6_6_6_7', '0_2_2_4_4_6_6_7']) {
      const { files } = await exported(source, request({ layerTypes }));
      const [before, after] = [await logitsOf(source, { layerTypes }), await logitsOf(memorySource(files))];
      expect(after.tokens).toEqual(before.tokens);
      expectClose(after.logits, before.logits, 0);
    }
  });

  it('has projections for owners only, with means by the same conversion as in runs', async () => {
    const source = shippedSource('fairy-llama');
    const { files } = await exported(source, request({ layerTypes: '0_6_6_6_6_6_6_7' }));
    const [got, stored] = [tensorsOf(files['model.safetensors']), await storedTensors(source)];
    const owners = [...got.keys()].flatMap(
      (name) => /layers\.(\d+)\.self_attn\.k_proj/.exec(name)?.[1] ?? [],
    );
    expect(owners.sort()).toEqual(['0', '6', '7']);
    const key = (layer: number) => `model.layers.${layer}.self_attn.k_proj.weight`;
    const parts = [1, 2, 3, 4, 5, 6].map((layer) =>
      toFloat32(stored.get(key(layer))?.bytes ?? new Uint8Array(), 'f16'),
    );
    expect(digestOf(got.get(key(6))?.bytes)).toBe(digestOf(new Uint8Array(toF16(meanOf(parts)).buffer)));
    expect(digestOf(got.get(key(7))?.bytes)).toBe(digestOf(stored.get(key(7))?.bytes));
  });

  it('averages biases and norms of heads as well', async () => {
    for (const name of ['qwen2-implicit-bias', 'qwen3-mixed-windows']) {
      const source = goldenHfSource(name);
      const plan = { layerTypes: '1_1_1' };
      const { files, result } = await exported(source, request(plan));
      expect(result.readBy).toBe('kvtab');
      const [before, after] = [await logitsOf(source, plan), await logitsOf(memorySource(files))];
      expectClose(after.logits, before.logits, 0.1);
    }
  });

  it('is refused before anything is written if the plan is wrong or f16 is too small', async () => {
    const { sink, files } = memorySink();
    const source = shippedSource('fairy-llama');
    const config = valueOf(parseModelConfig(JSON.parse((await source.text('config.json')) ?? '')));
    const run = { emit: () => undefined, stopped: () => false };
    const model = { id: 'x', config, source };
    await expect(exportModel(model, request({ layerTypes: '0_9' }), run, sink)).rejects.toMatchObject({
      failure: { code: 'bad-layer-types' },
    });
    expect(files).toEqual({});

    const tensors = await storedTensors(goldenSource('llama'));
    const norm = tensors.get('model.norm.weight');
    const bytes = new Uint8Array(new Float32Array(64).fill(70_000).buffer);
    if (norm) tensors.set('model.norm.weight', { ...norm, bytes });
    const large = memorySource({
      'config.json': (await goldenSource('llama').text('config.json')) ?? '',
      'model.safetensors': fileOfTensors(tensors),
    });
    await expect(exported(large, request({}, 'f16'))).rejects.toMatchObject({
      failure: {
        code: 'export-failed',
        file: 'model.safetensors',
        reason: expect.stringContaining('70000') as string,
      },
    });
  });

  it('reports its progress, and ends at once when it is stopped', async () => {
    const source = shippedSource('fairy-llama');
    const config = valueOf(parseModelConfig(JSON.parse((await source.text('config.json')) ?? '')));
    const seen: number[] = [];
    let pieces = 0;
    const run = {
      emit: (event: { type: string; writtenBytes?: number }) => seen.push(event.writtenBytes ?? NaN),
      stopped: () => ++pieces > 12,
    };
    const result = await exportModel({ id: 'x', config, source }, request({}), run, memorySink().sink);
    expect(result).toMatchObject({ end: 'stopped', zip: null, files: [] });
    const told = seen.length;
    expect(told).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(seen, 'after the end').toHaveLength(told);

    const whole = await exportModel(
      { id: 'x', config, source },
      request({}),
      { ...run, stopped: () => false },
      memorySink().sink,
    );
    expect(seen.at(-1)).toBe(whole.bytes);
  });
});

describe('bfloat16', () => {
  it('is the nearest upper half of a float32, ties to even, and every bfloat16 comes back exactly', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const values = toFloat32(new Uint8Array(bits.buffer), 'bf16');
    toBf16(values).forEach((got, i) => {
      if (Number.isNaN(values[i]))
        expect(Number.isNaN(toFloat32(new Uint8Array(Uint16Array.of(got).buffer), 'bf16')[0])).toBe(true);
      else if (got !== i) throw new Error(`${i} came back as ${got}`);
    });
    expect([...toBf16(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20))]).toEqual([
      0x3f80, 0x3f82, 0x3f81,
    ]);
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, noDefaultInfinity: true, max: 2 ** 127, min: -(2 ** 127) }),
        (value) => {
          const back = toFloat32(new Uint8Array(toBf16(Float32Array.of(value)).buffer), 'bf16')[0] ?? NaN;
          expect(Math.abs(back - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -8 + 2 ** -133);
        },
      ),
    );
  });
});
