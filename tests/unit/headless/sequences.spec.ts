import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BackendError } from '../../../gpu/backend-error.ts';
import type { Backend, BatchDecodeOptions, Continuation } from '../../../gpu/backend.ts';
import { openWasmBackend } from '../../../gpu/wasm/backend.ts';
import { answerAll } from '../../../tools/headless/answer.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import { parseRequest } from '../../../tools/headless/request.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import { succeed, valueOf } from '../../../worker/outcome.ts';
import type { EngineEvent } from '../../../worker/protocol/engine.ts';
import { placeHere } from '../../../worker/text/place-here.ts';

const request = { model: 'fairy-lckv', backend: 'cpu', maxNewTokens: 6 };
const prompt = 'Once upon a time there was a king who had a daughter';
let engine: Engine;

beforeAll(() => {
  engine = new Engine({
    openBackend: () => openWasmBackend('simd'),
    openTextPlace: placeHere,
    openSource: (model) => succeed(openFolderSource(`public/models/${model}`)),
  });
});

let workshop = '';
let folders: Engine;

beforeAll(() => {
  workshop = mkdtempSync(join(tmpdir(), 'kvtab-'));
  folders = new Engine({
    openBackend: () => openWasmBackend('simd'),
    openTextPlace: placeHere,
    openSource: (model) => succeed(openFolderSource(model)),
  });
});
afterAll(() => {
  rmSync(workshop, { recursive: true, force: true });
});

/** A backend that loses a thread when it has drawn so many tokens. */
function failingAfter(tokens: number, backend: Backend): Backend {
  const allocate = backend.allocate.bind(backend);
  backend.allocate = async (request) => {
    const weights = await allocate(request);
    const openBatch = weights.openBatch.bind(weights);
    weights.openBatch = async (options) => {
      const batch = await openBatch(options);
      const decode = batch.decode.bind(batch);
      let drawn = 0;
      const failing = ({ onToken, ...text }: Continuation): Continuation => ({
        ...text,
        onToken: (id) => {
          onToken(id);
          if (++drawn === tokens) throw new BackendError({ code: 'thread-lost' });
        },
      });
      return Object.assign(batch, {
        decode: (texts: readonly Continuation[], run: BatchDecodeOptions) => decode(texts.map(failing), run),
      });
    };
    return weights;
  };
  return backend;
}

/** The bits of a new number of 16 bits; null leaves the old one. */
type Edit = (row: number, col: number) => number | null;

/** A folder with a small model of three layers whose matrices are changed. */
function copyWith(edits: Readonly<Record<string, Edit>>): string {
  const folder = join(workshop, 'edited');
  cpSync('tests/fixtures/golden-hf/llama-llama3', folder, { recursive: true });
  const path = join(folder, 'model.safetensors');
  const file = readFileSync(path);
  const length = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.toString('utf8', 8, 8 + length)) as Readonly<
    Record<string, { readonly shape: readonly [number, number]; readonly data_offsets: readonly number[] }>
  >;
  for (const [name, edit] of Object.entries(edits)) {
    const { shape: [rows, cols] = [0, 0], data_offsets: [begin = 0] = [] } = header[name] ?? {};
    for (let i = 0; i < rows * cols; i++) {
      const bits = edit(Math.floor(i / cols), i % cols);
      if (bits !== null) file.writeUInt16LE(bits, 8 + length + begin + 2 * i);
    }
  }
  writeFileSync(path, file);
  return folder;
}

interface Answer {
  readonly tokens: readonly number[];
  readonly kv: { readonly bytes: number };
}

/** Answers of requests of their own. */
const alone = async (more: object) => (await answerAll(engine, { ...request, ...more })) as unknown as Answer;

describe('sequences in a request', () => {
  it('are answered as requests of their own would be, whatever they leave out', async () => {
    const sampling = { temperature: 0.9, topK: 40, seed: 3 };
    const sequences = [
      { prompt },
      { prompt: 'Once', maxNewTokens: 9, sampling: { seed: 4 } },
      { tokens: [1, 17, 4], sampling: { temperature: 0 }, ignoreEos: true },
      { prompt, maxNewTokens: 0 },
    ];
    const answers = await Promise.all([
      alone({ prompt, sampling }),
      alone({ prompt: 'Once', maxNewTokens: 9, sampling: { ...sampling, seed: 4 } }),
      alone({ tokens: [1, 17, 4], sampling: { ...sampling, temperature: 0 }, ignoreEos: true }),
      alone({ prompt, sampling, maxNewTokens: 0 }),
    ]);
    const together = await answerAll(engine, { ...request, sampling, sequences });
    expect(together).toMatchObject({
      ok: true,
      sequences: answers.map((answer) => {
        const { mode, tokens, text, end } = answer as unknown as Record<string, unknown>;
        return { mode, tokens, text, end };
      }),
      kv: { bytes: answers.reduce((sum, { kv }) => sum + kv.bytes, 0) },
      timing: {
        loadMs: expect.any(Number) as number,
        prefillMs: expect.any(Number) as number,
        throughputTokensPerSec: expect.any(Number) as number,
        throughputWithPrefillTokensPerSec: expect.any(Number) as number,
      },
      adapter: { backend: 'cpu' },
      notices: [],
    });
    expect(answers[1].tokens).not.toEqual(answers[0].tokens);
    expect(JSON.parse(JSON.stringify(together))).toEqual(together);
  });

  it('evict as requests of their own would', async () => {
    const policy = { id: 'h2o', heavy: 3, recent: 4, chunk: 5 };
    const together = await answerAll(engine, {
      ...request,
      policy,
      sequences: [{ prompt }, { tokens: [9] }],
    });
    const answers = [await alone({ policy, prompt }), await alone({ policy, tokens: [9] })];
    expect(together).toMatchObject({ sequences: answers.map(({ tokens }) => ({ tokens })) });
  });

  it.each([
    ['sequences', { sequences: {} }],
    ['sequences', { sequences: [] }],
    ['sequences[1]', { sequences: [{ prompt }, 7] }],
    ['sequences[0].prompt', { sequences: [{}] }],
    ['sequences[0].tokens', { sequences: [{ prompt, tokens: [1] }] }],
    ['sequences[1].seed', { sequences: [{ prompt }, { prompt, seed: 2 }] }],
    ['sequences[1].sampling.heat', { sequences: [{ prompt }, { prompt, sampling: { heat: 2 } }] }],
    ['sequences[1].maxNewTokens', { sequences: [{ prompt }, { prompt, maxNewTokens: -1 }] }],
    ['sequences[1].topP', { sequences: [{ prompt }, { prompt, sampling: { topP: 2 } }] }],
    ['sequences[1].tokens', { sequences: [{ prompt }, { tokens: [99999] }] }],
    ['sequences[1].tokens', { sequences: [{ prompt }, { tokens: [] }] }],
    ['prompt', { sequences: [{ prompt }], prompt }],
    ['messages', { sequences: [{ prompt }], messages: [] }],
    ['logits', { sequences: [{ prompt }], logits: [0] }],
    ['score', { sequences: [{ prompt }], score: true }],
    ['watch', { sequences: [{ prompt }], watch: ['tokens'] }],
    ['continuation', { sequences: [{ prompt }], continuation: [1] }],
  ])('are refused as a whole, naming %s', async (field, more) => {
    expect(await answerAll(engine, { ...request, ...more })).toMatchObject({
      ok: false,
      failure: { code: 'bad-request', field },
    });
  });

  it('are told while they are written, and add up to the texts of the result', async () => {
    const sampling = { temperature: 0.8, seed: 3 };
    const sequences = [{ prompt: 'Once upon' }, { prompt: 'The old king', sampling: { seed: 4 } }];
    const asked = valueOf(parseRequest({ ...request, sampling, maxNewTokens: 24, sequences }));
    if (!('sequences' in asked)) throw new Error('these are sequences');
    valueOf(await engine.load(asked.load, () => undefined));
    const texts = new Map<number, string>();
    const kinds = new Set<string>();
    const onEvent = (event: EngineEvent) => {
      kinds.add(event.type);
      if (event.type !== 'sequence-texts') return;
      for (const { sequence, text } of event.texts) texts.set(sequence, (texts.get(sequence) ?? '') + text);
    };
    const told = await engine.generateSequences({ ...asked.sequences, tellTexts: true }, onEvent);
    expect([0, 1].map((sequence) => texts.get(sequence))).toEqual(
      valueOf(told).sequences.map(({ text }) => text),
    );
    expect([...kinds].sort()).toEqual(['prefill', 'sequence-texts', 'sequence-token', 'stats']);
  });

  it('are told up to the last token if the run fails', async () => {
    const most = 40;
    const greedy = { ...request, sampling: { temperature: 0 }, ignoreEos: true };
    const failing = new Engine({
      openBackend: async () => failingAfter(2 * most, await openWasmBackend('simd')),
      openTextPlace: placeHere,
      openSource: (model) => succeed(openFolderSource(`public/models/${model}`)),
    });
    const sequences = [{ prompt: 'Once upon' }, { prompt: 'The old king' }];
    const asked = valueOf(parseRequest({ ...greedy, maxNewTokens: 400, sequences }));
    if (!('sequences' in asked)) throw new Error('these are sequences');
    valueOf(await failing.load(asked.load, () => undefined));
    const told = ['', ''];
    const outcome = await failing.generateSequences({ ...asked.sequences, tellTexts: true }, (event) => {
      if (event.type !== 'sequence-texts') return;
      for (const { sequence, text } of event.texts) told[sequence] = (told[sequence] ?? '') + text;
    });
    expect(outcome).toEqual({ ok: false, failure: { code: 'thread-lost' } });
    const whole = await answerAll(engine, { ...greedy, maxNewTokens: most, sequences });
    expect(whole).toMatchObject({ sequences: told.map((text) => ({ text })) });
  });

  it('fail together if the logits of one are not finite, which is named', async () => {
    // Token 7 alone has a number in the first dimension, which the values of a layer make 60,000 times as large.
    const folder = copyWith({
      'model.embed_tokens.weight': (row, col) => (col > 0 ? null : row === 7 ? 0x5640 : 0), // 100
      'model.layers.0.self_attn.v_proj.weight': (_, col) => (col > 0 ? null : 0x7b53), // 60,000
    });
    const many = { model: folder, backend: 'cpu', maxNewTokens: 1, sampling: { temperature: 0 } };
    const sound = [{ tokens: [1, 2, 3] }, { tokens: [4, 5] }, { tokens: [3, 3, 2, 1] }];
    const withBad = [sound[0], sound[1], { tokens: [2, 1, 7, 3] }, sound[2]];
    const ask = (sequences: readonly unknown[], kv: string) =>
      answerAll(folders, { ...many, kv, ignoreEos: true, sequences });
    expect(await ask(withBad, 'f16')).toEqual({
      ok: false,
      failure: { code: 'not-finite', position: 3, where: 0, sequence: 2 },
    });
    expect(await ask(sound, 'f16')).toMatchObject({
      ok: true,
      sequences: sound.map(() => ({ end: 'length' })),
    });
    expect(await ask(withBad, 'f32')).toMatchObject({ ok: true });
  });

  it('all end when the run is stopped, those that wait for a place too', async () => {
    const many = { ...request, maxNewTokens: 200, ignoreEos: true };
    const sequences = Array.from({ length: 40 }, () => ({ tokens: [1] }));
    const asked = valueOf(parseRequest({ ...many, sequences }));
    if (!('sequences' in asked)) throw new Error('these are sequences');
    valueOf(await engine.load(asked.load, () => undefined));
    let tokens = 0;
    const onEvent = (event: EngineEvent) => {
      if (event.type === 'sequence-token' && ++tokens === 100) engine.stop();
    };
    const result = valueOf(await engine.generateSequences(asked.sequences, onEvent));
    expect(result.sequences.map(({ end }) => end)).toEqual(sequences.map(() => 'stopped'));
    const written = result.sequences.map((sequence) => sequence.tokens.length);
    // What they held at the end counts, though they did not end by themselves.
    const rows = written.slice(0, 32).reduce((sum, count) => sum + count, 0);
    expect(result.kv.bytes).toBe(rows * result.kv.bytesPerToken);
    expect(written.every((count, i) => (i < 32 ? count >= 3 && count < 200 : count === 0))).toBe(true);
  });
});
