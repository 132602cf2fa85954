import { describe, expect, it } from 'vitest';
import { EVICTED, HIDDEN } from '../../../gpu/kv/head-attention.ts';
import { valueOf } from '../../../worker/outcome.ts';
import type { AttentionRequest, TokenAttention } from '../../../worker/protocol/attention.ts';
import { ask, ignore, loaded } from './engines.ts';

const prompt = [20, 40, 116, 6, 153, 108, 3, 77, 41, 9];
const asking = (position: number, more: Partial<AttentionRequest> = {}): AttentionRequest => ({
  input: { turns: [prompt] },
  config: {},
  mode: 'auto',
  kvPrecision: 'f32',
  policy: { id: 'none' },
  maxNewTokens: 8,
  continuation: [],
  position,
  ...more,
});

/** `[layer][head][position]` */
const readsOf = ({ layers }: TokenAttention) =>
  layers.map(({ reads, recalled }) => {
    const width = reads.length / recalled.length;
    return Array.from(recalled, (_, head) => [...reads.slice(head * width, (head + 1) * width)]);
  });
const sumsOf = (attention: TokenAttention) =>
  readsOf(attention).map((heads) =>
    heads.map((reads) => reads.filter((p) => p > 0).reduce((sum, p) => sum + p, 0)),
  );

describe('the attention of a token', () => {
  it('sums to 1 in every head, and shows nothing at its own position where a layer reads above', async () => {
    const { engine } = await loaded('lckv');
    const attention = valueOf(await engine.readAttention(asking(7), ignore));
    expect(attention).toMatchObject({ position: 7, promptTokens: 10, mode: 'parallel' });
    expect(attention.tokens.map(({ id }) => id)).toEqual(prompt);
    expect(attention.layers.map(({ owner }) => owner)).toEqual([0, 6, 6, 6, 6, 6, 6, 7]);
    for (const sum of sumsOf(attention).flat()) expect(sum).toBeCloseTo(1, 5);
    for (const [layer, heads] of readsOf(attention).entries()) {
      const above = layer > 0 && layer < 6;
      for (const reads of heads) {
        expect(reads).toHaveLength(8);
        expect((reads[7] ?? NaN) === HIDDEN, `layer ${layer}`).toBe(above);
      }
    }
  });

  it('of a first token is nothing where a layer reads above', async () => {
    const { engine } = await loaded('lckv');
    const [own, above] = readsOf(valueOf(await engine.readAttention(asking(0), ignore)));
    expect(own?.flat()).toEqual(own?.map(() => 1));
    expect(above?.flat()).toEqual(above?.map(() => HIDDEN));
  });

  it('of a written token is that of the same token if the prompt had brought it, token by token', async () => {
    const { engine } = await loaded('lckv');
    const written = asking(9, {
      input: { turns: [prompt.slice(0, 4)] },
      continuation: prompt.slice(4),
      mode: 'sequential',
    });
    const expected = readsOf(valueOf(await engine.readAttention(asking(9, { mode: 'sequential' }), ignore)));
    const got = readsOf(valueOf(await engine.readAttention(written, ignore)));
    for (const [layer, heads] of got.entries()) {
      for (const [head, reads] of heads.entries()) {
        for (const [i, p] of reads.entries()) expect(p).toBeCloseTo(expected[layer]?.[head]?.[i] ?? NaN, 6);
      }
    }
  });

  it('is that of the last pass in parallel mode, which is exact with as many passes as tokens', async () => {
    const { engine } = await loaded('lckv');
    const after = async (forwardPasses: number) =>
      readsOf(
        valueOf(
          await engine.readAttention(
            asking(9, { mode: 'parallel', config: { forwardPasses, backwardPasses: 0 } }),
            ignore,
          ),
        ),
      ).flat(2);
    const exact = readsOf(
      valueOf(await engine.readAttention(asking(9, { mode: 'sequential' }), ignore)),
    ).flat(2);
    const distance = (reads: readonly number[]) =>
      reads.reduce((sum, p, i) => sum + Math.abs(p - (exact[i] ?? NaN)), 0);
    expect(distance(await after(3))).toBeGreaterThan(0.1);
    expect(distance(await after(10))).toBeLessThan(1e-4);
  });

  it('tells evicted rows from those that a window hides, and from those that are read by nothing', async () => {
    const { engine } = await loaded('yoco');
    const policy = { id: 'sinks', sinks: 1, recent: 2 };
    const continuation = [5, 6, 7, 8];
    const { config } = asking(0);
    const attention = valueOf(
      await engine.readAttention(asking(13, { policy, continuation, config }), ignore),
    );
    for (const sum of sumsOf(attention).flat()) expect(sum).toBeCloseTo(1, 5);
    const kinds = (reads: readonly number[]) =>
      reads.map((p) => (p === HIDDEN ? 'h' : p === EVICTED ? 'e' : 'r')).join('');
    const full = readsOf(attention).at(-1)?.[0] ?? [];
    // One sink, the two most recent, and its own row.
    expect(kinds(full)).toBe('reeeeeeeeeerrr');
    const windowed = kinds(readsOf(attention)[0]?.[0] ?? []);
    expect(windowed).toMatch(/^h+e*r+$/);
  });

  it('of the prompt is not touched by a policy that cuts after it', async () => {
    const { engine } = await loaded('lckv');
    const policy = { id: 'h2o', heavy: 1, recent: 2 };
    const plain = valueOf(await engine.readAttention(asking(9), ignore));
    expect(readsOf(valueOf(await engine.readAttention(asking(9, { policy }), ignore)))).toEqual(
      readsOf(plain),
    );
    const chunked = { ...policy, chunk: 4 };
    const cut = readsOf(valueOf(await engine.readAttention(asking(9, { policy: chunked }), ignore)));
    expect(cut.flat(2)).toContain(EVICTED);
  });

  it('changes nothing in a chat or a run that follows', async () => {
    const { engine } = await loaded('lckv');
    const before = valueOf(await engine.generate(ask({ input: { turns: [prompt] } }), ignore));
    valueOf(await engine.readAttention(asking(5, { continuation: before.tokens }), ignore));
    const after = valueOf(await engine.generate(ask({ input: { turns: [prompt] } }), ignore));
    expect(after.tokens).toEqual(before.tokens);
  });

  it('can be stopped like a run, and says so', async () => {
    const { engine } = await loaded('lckv');
    const reading = engine.readAttention(asking(9), ignore);
    engine.stop();
    expect(await reading).toEqual({ ok: false, failure: { code: 'stopped' } });
  });

  it('refuses turns between which tokens are generated', async () => {
    const { engine } = await loaded('lckv');
    const input = { turns: [{ tokens: prompt, newTokens: 2 }, [5]] };
    expect(await engine.readAttention(asking(3, { input }), ignore)).toMatchObject({
      failure: { code: 'bad-request', field: 'turns', reason: 'tokens are generated between the turns' },
    });
  });

  it('refuses a position that the text does not have, and tokens that the model does not know', async () => {
    const { engine } = await loaded('lckv');
    for (const position of [-1, 10, 1.5]) {
      expect(await engine.readAttention(asking(position), ignore)).toMatchObject({
        failure: { code: 'bad-request', field: 'position' },
      });
    }
    expect(await engine.readAttention(asking(0, { continuation: [1e6] }), ignore)).toMatchObject({
      failure: { code: 'bad-request', field: 'continuation' },
    });
  });
});
