import { beforeAll, describe, expect, it } from 'vitest';
import { openCpuBackend } from '../../../gpu/reference/backend.ts';
import { answerAll, type Answer } from '../../../tools/headless/answer.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import { findModelFolder } from '../../../tools/headless/model-folder.ts';
import { writeAnswers } from '../../../tools/headless/write-answers.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import { succeed } from '../../../worker/outcome.ts';
import type { EngineApi } from '../../../worker/protocol/engine.ts';
import type { GenerateResult } from '../../../worker/protocol/generate.ts';
import { placeHere } from '../../../worker/text/place-here.ts';

const request = { model: 'fairy-lckv', backend: 'cpu', prompt: 'Once upon', maxNewTokens: 2 };
let engine: Engine;
let loads = 0;

beforeAll(() => {
  engine = new Engine({
    openBackend: () => Promise.resolve(openCpuBackend()),
    openTextPlace: placeHere,
    openSource: (model) => {
      loads++;
      return succeed(openFolderSource(`public/models/${model}`));
    },
  });
});

/** Plain data with each leaf replaced by its type. */
function typesOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(typesOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, typesOf(field)]));
}

describe('an answer', () => {
  it('has the promised fields, and survives a round trip through JSON', async () => {
    const answer = await answerAll(engine, { ...request, logits: [1, 0] });
    expect(JSON.parse(JSON.stringify(answer))).toEqual(answer);
    const kv = { layer: 'number', rows: 'number', bytes: 'number', stateBytes: 'number' };
    expect(typesOf(answer)).toEqual({
      ok: 'boolean',
      mode: 'string',
      end: 'string',
      tokens: ['number', 'number'],
      text: 'string',
      logits: [Array(2048).fill('number'), Array(2048).fill('number')],
      kv: { bytes: 'number', allocatedBytes: 'number', bytesPerToken: 'number', layers: [kv, kv, kv] },
      timing: {
        loadMs: 'number',
        prefillMs: 'number',
        decodeMs: 'number',
        prefillTokensPerSec: 'number',
        decodeTokensPerSec: 'number',
      },
      adapter: { backend: 'string', vendor: 'string', description: 'string', software: 'boolean' },
      notices: [],
    });
  });

  it('reports nats if a score was asked for', async () => {
    expect(typesOf(await answerAll(engine, { ...request, score: true }))).toMatchObject({ nats: 'number' });
    expect(await answerAll(engine, request)).not.toHaveProperty('nats');
  });

  it('comes for each request of an array, in order, even if one of them fails', async () => {
    loads = 0;
    await engine.unload();
    const answers = await answerAll(engine, [
      request,
      { ...request, config: { layer_types: '0_6_6_9_6_6_6_7' } },
      { ...request, unknown: 1 },
      'nothing',
      { ...request, config: { layer_types: '0_1_2_3_4_5_6_7' } },
    ]);
    expect(answers).toMatchObject([
      { ok: true },
      { ok: false, failure: { code: 'bad-layer-types', at: 3, reason: 'there is no layer 9' } },
      { ok: false, failure: { code: 'bad-request', field: 'unknown' } },
      { ok: false, failure: { code: 'bad-request' } },
      { ok: true },
    ]);
    expect(loads).toBe(1);
    expect(await answerAll(engine, [])).toEqual([]);
  });

  it('gives the prompt the name that the request gave it', async () => {
    for (const [field, prompt] of [
      ['tokens', [9999]],
      ['turns', [[9999]]],
      ['tokens', Array(70_000).fill(1)],
    ]) {
      const asked = { model: 'fairy-lckv', backend: 'cpu', [String(field)]: prompt };
      expect(await answerAll(engine, asked)).toMatchObject({ failure: { code: 'bad-request', field } });
    }
  });

  it('is a failure if a logit is a number that JSON cannot write', async () => {
    const broken: EngineApi = {
      load: (load, onEvent) => engine.load(load, onEvent),
      generate: async (asked, onEvent) => {
        const result = await engine.generate(asked, onEvent);
        if (!result.ok) return result;
        const value: GenerateResult = { ...result.value, logits: [Float32Array.of(1, NaN)] };
        return succeed(value);
      },
      generateSequences: (asked, onEvent) => engine.generateSequences(asked, onEvent),
      watchConvergence: (asked, onEvent) => engine.watchConvergence(asked, onEvent),
      readAttention: (asked, onEvent) => engine.readAttention(asked, onEvent),
      score: (asked, onEvent) => engine.score(asked, onEvent),
      measure: (asked, onEvent) => engine.measure(asked, onEvent),
      countWork: (asked) => engine.countWork(asked),
      largestBatch: (asked) => engine.largestBatch(asked),
      export: (asked, onEvent) => engine.export(asked, onEvent),
      configUnder: (config) => engine.configUnder(config),
      countTokens: (prompt) => engine.countTokens(prompt),
      stop: () => undefined,
      unload: () => Promise.resolve(),
    };
    expect(await answerAll(broken, { ...request, logits: [1] })).toEqual({
      ok: false,
      failure: { code: 'not-finite', position: 1, where: 'head' },
    });
  });
});

describe('an answer that would be too long', () => {
  it('is refused before it is computed, by the field that asks for it', async () => {
    const refused = (field: string) => ({ failure: { code: 'bad-request', field } });
    const rows = { ...request, logits: Array(9000).fill(0) };
    expect(await answerAll(engine, rows)).toMatchObject(refused('logits'));
    const steps = { ...request, maxNewTokens: 3000, watch: ['steps'] };
    expect(await answerAll(engine, steps)).toMatchObject(refused('watch'));
  });

  it('is refused when it is written, and the other answers are written', async () => {
    const written: string[] = [];
    const write = (text: string) => Promise.resolve(void written.push(text));
    const failed = (reason: string): Answer => ({ ok: false, failure: { code: 'stopped', reason } as never });
    const endless = failed('');
    // What V8 throws for JSON of more than 2^29 characters, without the memory for them.
    const tooLong = () => {
      throw new RangeError('Invalid string length');
    };
    Object.defineProperty(endless, 'toJSON', { value: tooLong });
    await writeAnswers([failed('a'), endless], write);
    expect(JSON.parse(written.join(''))).toMatchObject([
      { failure: { code: 'stopped' } },
      { ok: false, failure: { code: 'bad-request', reason: expect.stringMatching(/too long/) as string } },
    ]);
  });
});

describe('the model of a request', () => {
  const find = (model: string) => findModelFolder(model, 'public/models', process.cwd());

  it('is a shipped id, or a folder', () => {
    expect(find('fairy-lckv')).toEqual({ ok: true, value: 'public/models/fairy-lckv' });
    expect(find('tests/fixtures/golden/cla')).toEqual({
      ok: true,
      value: `${process.cwd()}/tests/fixtures/golden/cla`,
    });
  });

  it.each([
    ['', 'neither a folder nor the id'],
    ['nowhere', 'neither a folder nor the id'],
    ['no/where', 'neither a folder nor the id'],
    ['no\0where', 'neither a folder nor the id'],
    ['public/models/fairy-lckv/model.safetensors', 'is a file. Name the folder'],
  ])('is refused if it is %j, because it %s', (model, why) => {
    expect(find(model)).toMatchObject({
      failure: { code: 'bad-request', field: 'model', reason: expect.stringContaining(why) as string },
    });
  });
});
