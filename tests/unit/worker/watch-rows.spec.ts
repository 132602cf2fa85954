import { describe, expect, it } from 'vitest';
import { valueOf } from '../../../worker/outcome.ts';
import type { EngineEvent } from '../../../worker/protocol/engine.ts';
import type { PolicyRequest } from '../../../worker/protocol/generate.ts';
import { ask, ignore, loaded } from './engines.ts';

const prompt = [20, 40, 116, 6, 153, 108, 3, 77, 41, 9];
const watch = { tokens: false, kernels: false, rows: true, steps: false, scores: false };

async function told(policy: PolicyRequest) {
  const { engine } = await loaded('lckv');
  const events: EngineEvent[] = [];
  const request = ask({ input: { turns: [prompt] }, maxNewTokens: 40, policy });
  const result = valueOf(await engine.generate({ ...request, watch }, (event) => events.push(event)));
  const rows = events.flatMap((event) => (event.type === 'rows' ? [event] : []));
  return { engine, events, rows, request, result };
}

describe('the rows of the stores', () => {
  it('are told while a text is written under a policy, and at its end', async () => {
    const { rows, result } = await told({ id: 'h2o', heavy: 3, recent: 4 });
    expect(rows.length).toBeGreaterThan(0);
    const last = rows.at(-1);
    // The last token that was written was never fed.
    expect(last?.textTokens).toBe(prompt.length + result.tokens.length - 1);
    for (const { textTokens, stores } of rows) {
      for (const { positions, scores } of stores.flatMap(({ heads }) => heads)) {
        expect(positions).toHaveLength(7);
        expect(positions.slice(-4)).toEqual([4, 3, 2, 1].map((back) => textTokens - back));
        expect(scores).toHaveLength(7);
      }
    }
  });

  it('change neither the text nor the cache', async () => {
    const { engine, request, result } = await told({ id: 'keyformer', heavy: 3, recent: 2 });
    const unwatched = valueOf(await engine.generate(request, ignore));
    expect(unwatched.tokens).toEqual(result.tokens);
    expect(unwatched.kv).toEqual(result.kv);
  });

  it('are not read back if everything is kept, but the tokens of the prompt are told', async () => {
    const { rows, events } = await told({ id: 'none' });
    expect(rows).toEqual([]);
    const named = events.find(({ type }) => type === 'prompt');
    expect(named).toMatchObject({ tokens: prompt.map((id) => ({ id })) });
  });
});
