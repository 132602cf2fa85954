import { describe, expect, it } from 'vitest';
import { WebGpuBackend } from '../../../gpu/webgpu/backend.ts';
import { GpuContext } from '../../../gpu/webgpu/device.ts';
import { hardwareTuning, softwareTuning } from '../../../gpu/webgpu/tuning.ts';
import { openCountingDevice } from '../../../tools/bench/count/counting-device.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import type { RowsChoice } from '../../../worker/protocol/load.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import { succeed, valueOf } from '../../../worker/outcome.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import { ask, ignore } from './engines.ts';

const adapter = { backend: 'webgpu', vendor: '', description: 'counts', software: false } as const;

/** Loads a shipped model, as the page does, on a device that computes nothing. */
async function load(model: string, tuning = hardwareTuning, workgroupRows: RowsChoice = 'automatic') {
  const counting = openCountingDevice();
  const engine = new Engine({
    openBackend: () =>
      Promise.resolve(new WebGpuBackend(new GpuContext(counting.device, adapter, { tuning }))),
    openTextPlace: placeHere,
    openSource: (id) => succeed(openFolderSource(`public/models/${id}`)),
    warmUp: true,
  });
  const formats = { weights: 'stored', quantizeEmbeddings: false } as const;
  const request = { model, backend: 'webgpu', ...formats, workgroupRows } as const;
  const { shaped } = valueOf(await engine.load(request, ignore));
  return { engine, pipelines: counting.pipelines, shaped };
}

const tuningsByName = { hardware: hardwareTuning, software: softwareTuning };

describe('After a load with the kernels of a GPU or of a software adapter', () => {
  it.each([
    ['fairy-lckv', 'hardware'],
    ['fairy-mixattention', 'hardware'],
    ['fairy-lckv', 'software'],
  ] as const)('runs of %s compile nothing: %s', async (model, tuning) => {
    const { engine, pipelines } = await load(model, tuningsByName[tuning]);
    const compiled = pipelines.length;
    expect(compiled).toBeGreaterThan(5);
    for (const tokens of [1, 2, 5, 9, 16, 17, 40, 65, 200]) {
      for (const mode of ['parallel', 'sequential'] as const) {
        for (const maxNewTokens of tokens < 9 ? [1, 40, 300, 500] : [20]) {
          const input = { turns: [Array<number>(tokens).fill(1)] };
          const run = ask({ input, mode, maxNewTokens, kvPrecision: 'f16', ignoreEos: true });
          valueOf(await engine.generate(run, ignore));
          expect(pipelines.slice(compiled)).toEqual([]);
        }
      }
    }
    await engine.unload();
  });

  it.each(['32', '16', '8'] as const)('the kernels of %s rows are compiled, as set', async (rows) => {
    const { engine, pipelines, shaped } = await load('fairy-lckv', hardwareTuning, rows);
    expect(shaped).toEqual({ rows: Number(rows), chosen: 'set' });
    const compiled = pipelines.length;
    const input = { turns: [[1, 2, 3]] };
    valueOf(
      await engine.generate(ask({ input, mode: 'parallel', maxNewTokens: 9, kvPrecision: 'f16' }), ignore),
    );
    expect(pipelines.slice(compiled)).toEqual([]);
    await engine.unload();
  });

  it('which of them is fastest was measured, or there is no choice', async () => {
    const [gpu, software] = [await load('fairy-lckv'), await load('fairy-lckv', softwareTuning)];
    expect(gpu.shaped?.chosen).toBe('measured');
    expect(software.shaped).toBeNull();
    for (const { engine } of [gpu, software]) await engine.unload();
  });

  it('a run under another plan compiles what that needs', async () => {
    const { engine, pipelines } = await load('fairy-lckv');
    const compiled = pipelines.length;
    const config = { layerTypes: '0s_1s_2s_3s_4s_5s_6s_7s' };
    valueOf(await engine.generate(ask({ config, mode: 'parallel', kvPrecision: 'f16' }), ignore));
    expect(pipelines.length).toBeGreaterThan(compiled);
    await engine.unload();
  });
});
