/** The judge of hostile models and of the fuzzer: it must see every fault that they are tried for. */
import { describe, expect, it, vi } from 'vitest';
import { fail, succeed } from '../../../worker/outcome.ts';
import { judge, LONGEST_MS, type Judged } from './try-model.ts';

/** An engine that does well, except where a test replaces an answer. */
function engine(changes: Partial<Judged> = {}) {
  return {
    load: () => Promise.resolve(succeed({ notices: [] })),
    generate: () => Promise.resolve(succeed({ logits: [new Float32Array(3)], notices: [] })),
    unload: vi.fn(() => Promise.resolve()),
    ...changes,
  } satisfies Judged;
}

const internal = fail({ code: 'internal', reason: 'broken' });
const badTokenizer = (reason: string) => fail({ code: 'bad-tokenizer', reason });
const writes = (logits: readonly Float32Array[], notices: readonly string[] = []): Partial<Judged> => ({
  generate: () => Promise.resolve(succeed({ logits, notices })),
});
const row = new Float32Array(3);
const nothingLeft = () => 0;
const input = { text: 'Once' } as const;

describe('The judge of hostile models', () => {
  it('accepts a model that runs, and one that is refused in words', async () => {
    expect(await judge(engine(), input, nothingLeft)).toEqual({ ok: true, notices: [] });
    const refused = engine({ load: () => Promise.resolve(badTokenizer('it has no words')) });
    expect(await judge(refused, input, nothingLeft)).toMatchObject({
      ok: false,
      failure: { code: 'bad-tokenizer' },
      said: expect.stringContaining('it has no words') as string,
    });
  });

  it.each<readonly [fault: string, changes: Partial<Judged>]>([
    ['a NaN among the logits', writes([Float32Array.of(0, NaN, 0)])],
    ['an infinity among the logits', writes([Float32Array.of(0, 0, -Infinity)])],
    ['no logits', writes([])],
    ['the code internal when the model loads', { load: () => Promise.resolve(internal) }],
    ['the code internal when it runs', { generate: () => Promise.resolve(internal) }],
    ['an exception', { load: () => Promise.reject(new TypeError('x is undefined')) }],
    ['hidden characters in a refusal', { load: () => Promise.resolve(badTokenizer('a\u202eb')) }],
    ['a refusal without end', { load: () => Promise.resolve(badTokenizer('a'.repeat(1000))) }],
    ['hidden characters in a notice', writes([row], ['a\u0000b'])],
    ['notices without end', writes([row], ['a'.repeat(4000)])],
  ])('fails a model with %s, and unloads it', async (_, changes) => {
    const judged = engine(changes);
    await expect(judge(judged, input, nothingLeft)).rejects.toThrow();
    expect(judged.unload).toHaveBeenCalledOnce();
  });

  it('fails a model that leaves something behind', async () => {
    await expect(judge(engine(), input, () => 1)).rejects.toThrow('left behind');
  });

  it('fails a model that takes too long, and unloads it, so that the next one starts afresh', async () => {
    const judged = engine();
    const now = vi.spyOn(performance, 'now').mockReturnValueOnce(0).mockReturnValueOnce(LONGEST_MS);
    try {
      await expect(judge(judged, input, nothingLeft)).rejects.toThrow();
    } finally {
      now.mockRestore();
    }
    expect(judged.unload).toHaveBeenCalledOnce();
  });
});
