import { expect, it } from 'vitest';
import { openCpuBackend } from '../../../gpu/reference/backend.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import { fail, succeed, valueOf } from '../../../worker/outcome.ts';
import type { HubModel } from '../../../worker/protocol/load.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import { ignore } from './engines.ts';
import { goldenSource } from './sources.ts';

it('A model is loaded again if another commit of it is requested, and not for the same commit', async () => {
  const opened: (string | undefined)[] = [];
  const engine = new Engine({
    openBackend: () => Promise.resolve(openCpuBackend()),
    openSource: () => fail({ code: 'no-model' }),
    openTextPlace: placeHere,
    openBrought: (model) => {
      opened.push((model as HubModel).commit); // the test loads no others
      return Promise.resolve(succeed(goldenSource('lckv')));
    },
  });
  const load = async (commit: string) => {
    const model: HubModel = {
      ...{ from: 'hub', id: 'owner/name', endpoint: 'https://example.test', token: null, keep: true },
      commit,
    };
    valueOf(
      await engine.load({ model, backend: 'cpu', weights: 'stored', quantizeEmbeddings: false }, ignore),
    );
    return opened.splice(0);
  };
  expect(new Set(await load('abc1234'))).toEqual(new Set(['abc1234']));
  expect(await load('abc1234')).toEqual([]);
  expect(new Set(await load('def5678'))).toEqual(new Set(['def5678']));
});
