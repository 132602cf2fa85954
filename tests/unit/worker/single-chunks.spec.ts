import { describe, expect, it } from 'vitest';
import { readsAsDecoding } from '../../../worker/engine/open-policy.ts';
import { valueOf } from '../../../worker/outcome.ts';
import type { EngineEvent } from '../../../worker/protocol/engine.ts';
import type { GenerateRequest, PolicyRequest } from '../../../worker/protocol/generate.ts';
import { policyWith } from '../../support/arbitrary-policies.ts';
import { ask, ignore, loaded } from './engines.ts';

const prompt = Array.from({ length: 70 }, (_, i) => (7 * i + 3) % 160);
const nothing = { tokens: false, kernels: false, rows: false, steps: false, scores: false };

describe('a prompt in chunks of one token', () => {
  it.each<PolicyRequest>([
    { id: 'sinks', sinks: 2, recent: 5 },
    { id: 'h2o', heavy: 3, recent: 3 },
    { id: 'tova', rows: 6 },
    { id: 'key-norm', heavy: 3, recent: 3 },
    { id: 'keyformer', heavy: 3, recent: 3, tauDelta: 0.5 },
  ])('is read alike with and without a look at every step: $id', async (policy) => {
    const { engine } = await loaded('lckv');
    const run = async (watch: Partial<GenerateRequest['watch']>, mode: GenerateRequest['mode']) => {
      const input = { turns: [{ tokens: prompt, newTokens: 3 }, [5, 6, 7]] };
      const request = ask({ input, mode, maxNewTokens: 12, policy: { ...policy, chunk: 1 } });
      return valueOf(await engine.generate({ ...request, watch: { ...nothing, ...watch } }, ignore));
    };
    for (const mode of ['parallel', 'sequential'] as const) {
      const watched = await run({ steps: true, scores: true }, mode);
      expect(watched.steps?.length).toBe(prompt.length + 2 + 4 + 11);
      expect((await run({}, mode)).tokens).toEqual(watched.tokens);
      const scored = await run({ scores: true }, mode);
      expect(scored.tokens).toEqual(watched.tokens);
      const positionsIn = ({ scores }: typeof scored) =>
        [...(scores?.afterPrompt ?? []), scores?.atEnd ?? []].map((stores) =>
          stores.map(({ heads }) => heads.map(({ positions }) => positions)),
        );
      expect(positionsIn(scored)).toEqual(positionsIn(watched));
    }
  });

  it('tells its progress, and can be stopped', async () => {
    const { engine } = await loaded('lckv');
    const fractions: number[] = [];
    const asked = ask({ input: { turns: [prompt] }, policy: { id: 'sinks', recent: 5, chunk: 1 } });
    const listen = (event: EngineEvent) => {
      if (event.type !== 'prefill') return;
      fractions.push(event.fraction);
      if (event.fraction > 0.3) engine.stop();
    };
    expect(valueOf(await engine.generate(asked, listen)).end).toBe('stopped');
    expect(fractions.at(-1)).toBeLessThan(1);
  });

  it('is not fed under Keyformer, whose temperature tells a prompt from what follows it', () => {
    const of = (id: string, sparse: string | null, chunk: number | null) =>
      readsAsDecoding(policyWith(id, { sparse, chunk }));
    expect([of('h2o', null, 1), of('less', 'h2o', 1)]).toEqual([true, true]);
    expect([of('keyformer', null, 1), of('less', 'keyformer', 1)]).toEqual([false, false]);
    expect([of('h2o', null, 2), of('h2o', null, null)]).toEqual([false, false]);
  });
});
