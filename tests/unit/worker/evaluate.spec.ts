import { describe, expect, it } from 'vitest';
import { Comparison, KeptRows, klDivergence } from '../../../worker/evaluate/divergence.ts';
import { tokenText } from '../../../worker/text/token-text.ts';
import { valueOf } from '../../../worker/outcome.ts';
import type { ConvergenceRequest, ScoreRequest } from '../../../worker/protocol/evaluate.ts';
import { ask, ignore, loaded } from './engines.ts';

const prompt = [20, 40, 116, 6, 153, 108, 3, 77, 41, 9];
const passesOf = (forwardPasses: number): ConvergenceRequest => ({
  input: { turns: [prompt] },
  config: { forwardPasses, backwardPasses: 0 },
  kvPrecision: 'f32',
  policy: { id: 'none' },
  exact: true,
});

describe('the convergence of a prompt', () => {
  it('is complete with as many passes as tokens: nothing moves, and the result is exact', async () => {
    const { engine } = await loaded('lckv');
    const { tokens, groups, divergence } = valueOf(
      await engine.watchConvergence(passesOf(prompt.length + 1), ignore),
    );
    expect(tokens.map(({ id }) => id)).toEqual(prompt);
    expect(groups.map(({ group, passes }) => [group.start, group.stop, passes])).toEqual([[1, 7, 11]]);
    expect([...(groups[0]?.relative.slice(-prompt.length) ?? [])]).toEqual(prompt.map(() => 0));
    expect(divergence?.of).toBe(prompt.length);
    expect(divergence?.agrees).toEqual(prompt.map(() => true));
    expect(Math.max(...(divergence?.kl ?? [NaN]))).toBeLessThan(1e-9);
  });

  it('is further from the exact result with fewer passes, and exact at the first positions', async () => {
    const { engine } = await loaded('lckv');
    const far = async (passes: number) =>
      valueOf(await engine.watchConvergence(passesOf(passes), ignore)).divergence?.kl ?? new Float32Array();
    const sum = (values: Float32Array) => values.reduce((total, value) => total + value, 0);
    const [one, three, six] = [await far(1), await far(3), await far(6)];
    expect(sum(three)).toBeLessThan(sum(one));
    expect(sum(six)).toBeLessThan(sum(three));
    expect(Math.max(...three.slice(0, 3))).toBeLessThan(1e-9);
  });

  it('is that of a run under a policy: nothing is evicted before the end, or after every chunk', async () => {
    const { engine } = await loaded('lckv');
    const under = async (policy: ConvergenceRequest['policy']) =>
      valueOf(await engine.watchConvergence({ ...passesOf(7), policy }, ignore));
    const plain = await under({ id: 'none' });
    expect(await under({ id: 'h2o', heavy: 1, recent: 2 })).toEqual(plain);
    const chunked = await under({ id: 'h2o', heavy: 1, recent: 2, chunk: 4 });
    expect(chunked.groups.map(({ passes, relative }) => relative.length / passes)).toEqual([prompt.length]);
    // The second pass moves the first chunk as it moves the start of the whole prompt.
    const second = (result: typeof plain) => [...(result.groups[0]?.relative.slice(10, 14) ?? [])];
    expect(second(chunked)).toEqual(second(plain));
    expect(chunked.divergence?.of).toBe(prompt.length);
    expect(chunked.divergence?.kl).not.toEqual(plain.divergence?.kl);
  });

  it('of several turns is read turn by turn', async () => {
    const { engine } = await loaded('lckv');
    const turns = { turns: [prompt.slice(0, 4), prompt.slice(4)] };
    const { tokens, groups, divergence } = valueOf(
      await engine.watchConvergence({ ...passesOf(6), input: turns }, ignore),
    );
    expect(tokens.map(({ id }) => id)).toEqual(prompt);
    expect(groups.map(({ passes, relative }) => [passes, relative.length])).toEqual([[6, 6 * prompt.length]]);
    // As many passes as the longer turn has tokens.
    expect(Math.max(...(divergence?.kl ?? [NaN]))).toBeLessThan(1e-9);
  });

  it('can be stopped like a run, and says so', async () => {
    const { engine } = await loaded('lckv');
    const watching = engine.watchConvergence(passesOf(7), ignore);
    engine.stop();
    expect(await watching).toEqual({ ok: false, failure: { code: 'stopped' } });
  });

  it('refuses what a run refuses', async () => {
    const { engine } = await loaded('lckv');
    const empty = { ...passesOf(3), input: { turns: [] } };
    expect(await engine.watchConvergence(empty, ignore)).toMatchObject({
      failure: { code: 'bad-request' },
    });
    const plan = { ...passesOf(3), config: { layerTypes: '0_9' } };
    expect(await engine.watchConvergence(plan, ignore)).toMatchObject({
      failure: { code: 'bad-layer-types' },
    });
  });
});

const scoring = (reference: ScoreRequest['reference'], more: Partial<ScoreRequest> = {}): ScoreRequest => ({
  input: { turns: [prompt] },
  continuation: [5, 6, 7, 8],
  config: {},
  mode: 'parallel',
  kvPrecision: 'f32',
  policy: { id: 'none' },
  maxNewTokens: 0,
  reference,
  ...more,
});

describe('a score', () => {
  it('of a configuration agrees everywhere with itself, and not with another', async () => {
    const { engine } = await loaded('lckv');
    const first = valueOf(await engine.score(scoring('keep'), ignore));
    expect(first.divergence).toBeNull();
    const itself = valueOf(await engine.score(scoring('compare'), ignore));
    expect(itself.divergence).toEqual({
      kl: new Float32Array(4),
      agrees: [true, true, true, true],
      of: 4,
    });
    expect(itself.logProbabilities).toEqual(first.logProbabilities);
    const plain = { layerTypes: '0_1_2_3_4_5_6_7' };
    const other = valueOf(await engine.score(scoring('compare', { config: plain }), ignore));
    expect(Math.min(...(other.divergence?.kl ?? [0]))).toBeGreaterThan(1e-6);
  });

  it('gives each token the same probability as decoding', async () => {
    const { engine } = await loaded('lckv');
    const written = valueOf(
      await engine.generate(
        ask({
          input: { turns: [prompt] },
          mode: 'parallel',
          watch: { tokens: true, kernels: true, rows: false, steps: false, scores: false },
        }),
        ignore,
      ),
    );
    expect(written.kernels).toBeNull(); // the CPU reports none
    const score = valueOf(await engine.score(scoring('keep', { continuation: written.tokens }), ignore));
    expect(written.probabilities).toHaveLength(4);
    for (const [i, { id, probability, rank }] of (written.probabilities ?? []).entries()) {
      expect(id).toBe(written.tokens[i]);
      expect(rank).toBe(1); // greedy
      expect(Math.log(probability)).toBeCloseTo(score.logProbabilities[i] ?? NaN, 5);
    }
  });

  it('of a prompt of several turns gives each token the same probability as decoding, under a policy too', async () => {
    const { engine } = await loaded('lckv');
    const input = { turns: [prompt, [5, 6, 7]] };
    // The second turn alone is short enough for sequential mode; both together are not.
    const config = { forwardPasses: 2, backwardPasses: 2 };
    for (const policy of [{ id: 'none' }, { id: 'h2o', heavy: 2, recent: 2 }, { id: 'keyformer' }]) {
      const run = { input, config, mode: 'auto', policy } as const;
      const written = valueOf(
        await engine.generate(
          ask({
            ...run,
            watch: { tokens: true, kernels: false, rows: false, steps: false, scores: false },
          }),
          ignore,
        ),
      );
      // A shorter continuation has the temperatures of a run of four tokens, not those of a run of its own length.
      for (const continuation of [written.tokens, written.tokens.slice(0, 3)]) {
        const score = valueOf(
          await engine.score(scoring('keep', { ...run, continuation, maxNewTokens: 4 }), ignore),
        );
        expect(score.mode).toBe(written.mode);
        for (const [i, logProbability] of score.logProbabilities.entries()) {
          expect(logProbability).toBeCloseTo(Math.log(written.probabilities?.[i]?.probability ?? 0), 4);
        }
      }
    }
  });

  it('refuses turns between which tokens are generated, as the convergence of a prompt does', async () => {
    const { engine } = await loaded('lckv');
    const input = { turns: [{ tokens: prompt, newTokens: 2 }, [5]] };
    expect(await engine.score(scoring('keep', { input }), ignore)).toMatchObject({
      failure: { code: 'bad-request', field: 'continuation' },
    });
    expect(await engine.watchConvergence({ ...passesOf(3), input }, ignore)).toMatchObject({
      failure: { code: 'bad-request', field: 'turns' },
    });
  });

  it('refuses to compare without a reference, with another text, and with another vocabulary', async () => {
    const { engine } = await loaded('lckv');
    const refused = { failure: { code: 'bad-request', field: 'reference' } };
    expect(await engine.score(scoring('compare'), ignore)).toMatchObject(refused);
    await engine.score(scoring('keep'), ignore);
    const longer = scoring('compare', { continuation: [5, 6] });
    expect(await engine.score(longer, ignore)).toMatchObject(refused);
    await engine.load(
      { model: 'fairy-lckv', backend: 'cpu', weights: 'stored', quantizeEmbeddings: false },
      ignore,
    );
    expect(await engine.score(scoring('compare'), ignore)).toMatchObject(refused);
    expect(await engine.score(scoring('keep', { continuation: [5, 1e9] }), ignore)).toMatchObject({
      failure: { code: 'bad-request', field: 'continuation' },
    });
    expect(await engine.score(scoring('keep', { continuation: [] }), ignore)).toMatchObject({
      failure: { code: 'bad-request', field: 'continuation' },
    });
  });
});

describe('the divergence', () => {
  it('is Σ p (log p − log q)', () => {
    const logits = (...shares: number[]) => Float32Array.from(shares, (share) => Math.log(share) + 3);
    expect(klDivergence(logits(0.5, 0.25, 0.25), logits(0.25, 0.5, 0.25))).toBeCloseTo(0.25 * Math.log(2), 6);
    expect(klDivergence(logits(0.2, 0.8), logits(0.2, 0.8))).toBe(0);
  });

  it('covers the rows that were kept, and says how many there were', () => {
    const rows = new KeptRows(4, 2 * 16);
    for (let i = 0; i < 5; i++) rows.push(Float32Array.of(i, 0, 0, 0));
    expect(rows.count).toBe(2);
    const comparison = new Comparison();
    for (let i = 0; i < 5; i++) comparison.add(rows.at(i), Float32Array.of(0, 0, 0, 1));
    expect(comparison.result()).toMatchObject({ agrees: [false, false], of: 5 });
  });
});

describe('the text of a token', () => {
  it('is what it adds to the text before it', () => {
    const words = [' once', ' upon', 'day'];
    const decode = (tokens: readonly number[]) =>
      tokens
        .map((token) => words[token] ?? '')
        .join('')
        .replace(/^ /, '');
    expect(tokenText({ decode }, undefined, 0)).toBe('once');
    expect(tokenText({ decode }, 0, 1)).toBe(' upon');
  });
});
