import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { greedy } from '../../../gpu/plan/sampling.ts';
import { valueOf } from '../../../worker/outcome.ts';
import type { EngineEvent } from '../../../worker/protocol/engine.ts';
import type { GenerateRequest } from '../../../worker/protocol/generate.ts';
import { ask, ignore, loaded } from './engines.ts';

interface Golden {
  readonly tokens: number[];
  readonly turns: number[][];
  readonly positions: number[];
  readonly parallel_logits: number[][];
  readonly greedy_after_parallel: number[];
}

const goldenOf = async (name: string) =>
  JSON.parse(await readFile(`tests/fixtures/golden/${name}/golden.json`, 'utf8')) as Golden;

describe('a run', () => {
  it('gives the golden logits and tokens, over one turn and over two', async () => {
    for (const name of ['short-prompt', 'two-turns']) {
      const golden = await goldenOf(name);
      const { engine } = await loaded(name);
      // Requested backwards and twice, because rows come in the requested order.
      const positions = [...golden.positions].reverse().flatMap((position) => [position, position]);
      const result = valueOf(
        await engine.generate(
          ask({
            input: { turns: name === 'two-turns' ? golden.turns : [golden.tokens] },
            mode: 'parallel',
            maxNewTokens: 24,
            logits: positions,
          }),
          ignore,
        ),
      );
      expect(result.tokens).toEqual(golden.greedy_after_parallel);
      expect(result.logits.length).toBe(positions.length);
      for (const [index, position] of positions.entries()) {
        const expected = golden.parallel_logits[golden.positions.indexOf(position)] ?? [];
        const worst = Math.max(
          ...expected.map((value, i) => Math.abs(value - (result.logits[index]?.[i] ?? NaN))),
        );
        expect(worst).toBeLessThan(1e-3); // the tolerance that comes with the golden files
      }
    }
  });

  it('continues a text like the golden file of a shipped model', async () => {
    const [golden] = JSON.parse(await readFile('public/models/fairy-lckv/golden.json', 'utf8')) as {
      prompt: string;
      text_after_parallel: string;
    }[];
    const { engine } = await loaded('fairy-lckv');
    const events: EngineEvent[] = [];
    const result = valueOf(
      await engine.generate(ask({ input: { text: golden?.prompt ?? '' }, maxNewTokens: 12 }), (event) =>
        events.push(event),
      ),
    );
    expect(result.text).not.toBe('');
    expect(golden?.text_after_parallel.startsWith(result.text ?? '!')).toBe(true);
    const streamed = events.flatMap((event) => (event.type === 'token' ? event.text : []));
    expect(streamed.join('')).toBe(result.text);
    expect(events.at(-1)).toMatchObject({
      type: 'stats',
      newTokens: 12,
      kv: result.kv,
      timing: result.timing,
    });
  });

  it('reports with each token the KV that was in use when it was drawn', async () => {
    const inputs = [
      { model: 'lckv', input: { turns: [[1, 2, 3]] } },
      { model: 'fairy-lckv', input: { text: 'Once upon a time' } },
    ];
    for (const { model, input } of inputs) {
      const { engine } = await loaded(model);
      const drawnAt: number[] = [];
      const { promptTokens, kv } = valueOf(
        await engine.generate(ask({ input, maxNewTokens: 4 }), (event) => {
          if (event.type === 'token') drawnAt.push(event.kvBytes);
        }),
      );
      // No plan here has windows, and the last token is not in the cache yet.
      expect(drawnAt).toEqual([0, 1, 2, 3].map((fed) => (promptTokens + fed) * kv.bytesPerToken));
      expect(drawnAt.at(-1)).toBe(kv.bytes);
    }
  });

  it('scores a prompt by its own logits, in one turn or in many', async () => {
    const { engine } = await loaded('lckv');
    const tokens = [20, 40, 116, 6, 153, 108];
    const one = valueOf(
      await engine.generate(
        ask({
          input: { turns: [tokens] },
          mode: 'sequential',
          score: true,
          logits: [0, 1, 2, 3, 4],
          maxNewTokens: 0,
        }),
        ignore,
      ),
    );
    const losses = one.logits.map((row, position) => {
      const sum = row.reduce((total, logit) => total + Math.exp(logit), 0);
      return Math.log(sum) - (row[tokens[position + 1] ?? 0] ?? NaN);
    });
    expect(one.nats).toBeCloseTo(losses.reduce((total, loss) => total + loss) / losses.length, 5);
    const turns = [tokens.slice(0, 1), tokens.slice(1, 4), tokens.slice(4)];
    const many = valueOf(
      await engine.generate(
        ask({ input: { turns }, mode: 'sequential', score: true, maxNewTokens: 0 }),
        ignore,
      ),
    );
    expect(many.nats).toBeCloseTo(one.nats ?? NaN, 10);
    expect(many.logits).toEqual([]);
  });

  it('ends with the end token, which counts as a token but adds no text', async () => {
    const unended = valueOf(
      await (await loaded('fairy-lckv')).engine.generate(ask({ input: { text: 'Once' } }), ignore),
    );
    const [first, second] = unended.tokens;
    const { engine } = await loaded('fairy-lckv', {
      config: (text: string) => text.replace('"eos_token_id": 1', `"eos_token_id": [7, ${String(second)}]`),
    });
    const ended = valueOf(await engine.generate(ask({ input: { text: 'Once' }, ignoreEos: false }), ignore));
    expect(ended).toMatchObject({ end: 'end-of-text', tokens: [first, second] });
    expect(unended.text?.startsWith(ended.text ?? '!')).toBe(true);
    expect(ended.text?.length).toBeLessThan(unended.text?.length ?? 0);
    const ignored = valueOf(await engine.generate(ask({ input: { text: 'Once' } }), ignore));
    expect(ignored).toMatchObject({ end: 'length', tokens: unended.tokens });
  });

  it('reports the KV of the prompt and all new tokens but the last', async () => {
    const { engine } = await loaded('lckv');
    const { kv, timing } = valueOf(await engine.generate(ask({}), ignore));
    expect(kv.layers).toEqual([0, 6, 7].map((layer) => ({ layer, rows: 6, bytes: 6 * 256, stateBytes: 0 })));
    expect(timing.prefillMs).toBeGreaterThan(0);
    expect(timing.decodeTokensPerSec).toBeCloseTo(3000 / timing.decodeMs, 6);
  });

  it('has no text if the model has no tokenizer', async () => {
    const { engine } = await loaded('lckv');
    expect(valueOf(await engine.generate(ask({}), ignore)).text).toBeNull();
    expect(await engine.generate(ask({ input: { text: 'Once' } }), ignore)).toMatchObject({
      failure: { code: 'bad-request', field: 'prompt' },
    });
  });

  it.each<[Partial<GenerateRequest>, object]>([
    [{ input: { turns: [] } }, { code: 'bad-request', field: 'turns' }],
    [{ input: { turns: [[1], []] } }, { code: 'bad-request', field: 'turns' }],
    [{ input: { turns: [[160]] } }, { code: 'bad-request', field: 'turns' }],
    [{ input: { turns: [[-1]] } }, { code: 'bad-request', field: 'turns' }],
    [{ input: { turns: [[0.5]] } }, { code: 'bad-request', field: 'turns' }],
    [{ logits: [3] }, { code: 'bad-request', field: 'logits' }],
    [{ logits: [-1] }, { code: 'bad-request', field: 'logits' }],
    [
      { input: { turns: [[1]] }, score: true },
      { code: 'bad-request', field: 'score' },
    ],
    [{ maxNewTokens: -1 }, { code: 'bad-request', field: 'maxNewTokens' }],
    [{ maxNewTokens: 1.5 }, { code: 'bad-request', field: 'maxNewTokens' }],
    [{ sampling: { ...greedy, topP: 1.5 } }, { code: 'bad-request', field: 'topP' }],
    [{ sampling: { ...greedy, seed: NaN } }, { code: 'bad-request', field: 'seed' }],
    [{ config: { layerTypes: '0' } }, { code: 'bad-layer-types', at: 1 }],
    [{ config: { slidingWindow: 0 } }, { code: 'bad-config', field: 'sliding_window' }],
  ])('that asks for %j fails with %j and allocates nothing', async (changes, failure) => {
    const { engine, opened } = await loaded('lckv');
    const before = opened[0]?.allocatedBytes;
    expect(await engine.generate(ask(changes), ignore)).toMatchObject({ ok: false, failure });
    expect(opened[0]?.allocatedBytes).toBe(before);
  });

  it('frees its session at its end', async () => {
    const { engine, opened } = await loaded('lckv');
    const before = opened[0]?.allocatedBytes;
    valueOf(await engine.generate(ask({}), ignore));
    expect(opened[0]?.allocatedBytes).toBe(before);
  });
});

describe('another configuration', () => {
  it('is computed without reading the file again, and the stored one is restored exactly', async () => {
    const { engine, files } = await loaded('lckv');
    const run = async (config: GenerateRequest['config']) =>
      valueOf(await engine.generate(ask({ config, logits: [2] }), ignore)).logits;
    const stored = await run({});
    expect(await run({ layerTypes: '0_0_2_2_4_4_6_6' })).not.toEqual(stored);
    expect(await run({ layerTypes: '0_6_6_6_6_6_6_7' })).toEqual(stored);
    expect(files).toEqual(['model.safetensors']);
  });

  it('under LESS reads the kernels once for all runs of a model and plan', async () => {
    const { engine, files } = await loaded('fairy-lckv');
    const sparse = { id: 'lambda', sinks: 1, recent: 2 };
    const described = files.length;
    const run = async (kernels: string, config = {}) =>
      engine.generate(ask({ policy: { id: 'less', sparse, kernels }, config, maxNewTokens: 2 }), ignore);
    const reads = () => files.slice(described);

    await run('less-lambda-12.safetensors');
    await run('less-lambda-12.safetensors');
    expect(reads()).toEqual(['less-lambda-12.safetensors']);
    expect(await run('less-lambda-12.safetensors', { layerTypes: '0_1_2_3_4_5_6_7' })).toMatchObject({
      failure: { code: 'bad-weights', reason: 'there is no tensor layers.1.psi.w1, which this plan needs' },
    });
    expect(reads()).toHaveLength(2);
    expect(await run('absent.safetensors')).toMatchObject({
      failure: { code: 'bad-request', field: 'policy.kernels' },
    });
    expect(await run('less-h2o-12.safetensors')).toMatchObject({ ok: true });
  });
});
