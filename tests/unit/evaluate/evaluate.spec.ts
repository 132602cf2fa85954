import { expect, it } from 'vitest';
import { greedy } from '../../../gpu/plan/sampling.ts';
import { evaluate } from '../../../tools/evaluate/evaluate.ts';
import type { EngineApi } from '../../../worker/protocol/engine.ts';
import type { GenerateRequest } from '../../../worker/protocol/generate.ts';
import { initialValues, partOf } from '../../../worker/settings/values.ts';
import { factsOf, result } from '../web/scripted-engine.ts';
import { shippedSource } from '../worker/sources.ts';

it('an evaluation draws as it always does, whatever the model’s authors suggest', async () => {
  const asked: GenerateRequest[] = [];
  const suggestedSampling = { sampling: { ...greedy, temperature: 2 }, maxNewTokens: 3, said: [] };
  const modes: unknown[] = [];
  const engine: Pick<EngineApi, 'load' | 'generate' | 'measure'> = {
    measure: ({ mode, work }, onEvent) => {
      modes.push(mode);
      for (const item of work.items.keys()) {
        const requests = [{ logLikelihood: -255, greedy: false, tokens: 255, cut: 0 }];
        onEvent({ type: 'measured', item, measured: { kind: 'likelihood', requests, kvBytes: 0 } });
      }
      return Promise.resolve({ ok: true, value: { tokens: [] } });
    },
    load: (request) => Promise.resolve({ ok: true, value: { ...factsOf(request), suggestedSampling } }),
    generate: (request) => {
      asked.push(request);
      return Promise.resolve({ ok: true, value: { ...result, nats: 1 } });
    },
  };
  const subject = {
    model: 'fairy-lckv',
    backend: 'cpu',
    source: shippedSource('fairy-lckv'),
    heldOut: 'Once upon a time there was a king. '.repeat(200),
    windows: 2,
  } as const;
  const found = await evaluate(engine as EngineApi, subject, () => undefined); // it calls nothing else
  expect(modes).toEqual(['parallel', 'sequential']);
  expect(found.sequential.natsPerToken).toBe(1);

  const page = partOf('sampling', initialValues());
  const wanted = (request: GenerateRequest) => (request.maxNewTokens === 100 ? page : greedy);
  expect(asked.map(({ sampling }) => sampling)).toEqual(asked.map(wanted));
  expect(new Set(asked.map(({ maxNewTokens }) => maxNewTokens))).toEqual(new Set([100, 200]));
});
