import { expect, it } from 'vitest';
import { openCpuBackend } from '../../../gpu/reference/backend.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import { exportModel } from '../../../worker/export/export-model.ts';
import type { ExportSink } from '../../../worker/export/export-sink.ts';
import type { ModelSource } from '../../../worker/loader/model-source.ts';
import { fail, succeed, valueOf } from '../../../worker/outcome.ts';
import type { HubModel } from '../../../worker/protocol/load.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import { ask, ignore } from './engines.ts';
import { goldenSource } from './sources.ts';

const hub: HubModel = {
  from: 'hub',
  id: 'owner/name@main',
  endpoint: 'https://example.test',
  token: null,
  keep: false,
};
const request = { config: { layerTypes: '0_1_2_3_4_5_6_7' }, round: 'bf16', to: { to: 'zip' } } as const;

/** Reads everything, and discards it. */
const nowhere: ExportSink = async (name, files) => {
  for await (const { chunks } of files) for await (const _ of chunks);
  return { name, zip: null };
};

/** A source that ends when its load is stopped, like that of the Hub. */
function endingSource(cancelled: AbortSignal): ModelSource {
  const source = goldenSource('lckv');
  const guarded = <T>(work: () => Promise<T>) => {
    if (cancelled.aborted) throw new Error('this source has ended');
    return work();
  };
  return {
    names: () => guarded(() => source.names()),
    text: (file) => guarded(() => source.text(file)),
    open: (file, begin) => guarded(() => source.open(file, begin)),
  };
}

it('An engine exports a loaded model, also after a stop, and an export can be stopped', async () => {
  const engine = new Engine({
    openBackend: () => Promise.resolve(openCpuBackend()),
    openSource: () => fail({ code: 'no-model' }),
    openTextPlace: placeHere,
    openBrought: (_, cancelled) => Promise.resolve(succeed(endingSource(cancelled))),
    exportModel: (model, asked, run) => exportModel(model, asked, run, nowhere),
  });
  expect(await engine.export(request, ignore)).toEqual(fail({ code: 'no-model' }));
  valueOf(
    await engine.load({ model: hub, backend: 'cpu', weights: 'stored', quantizeEmbeddings: false }, ignore),
  );
  engine.stop();
  expect(await engine.export(request, ignore)).toMatchObject({
    ok: true,
    value: { end: 'complete', name: 'name-export' },
  });

  const stopped = engine.export(request, () => engine.stop());
  expect(await stopped).toMatchObject({ ok: true, value: { end: 'stopped', files: [] } });
  valueOf(await engine.generate(ask({}), ignore));
});
