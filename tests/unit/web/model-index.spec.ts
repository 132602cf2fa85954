import { existsSync, readFileSync, statSync } from 'node:fs';
import { parseModelConfig } from '../../../worker/loader/model-config.ts';
import { TEXT_FILES, WHOLE_WEIGHTS } from '../../../worker/loader/model-files.ts';
import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../../../web/settings/settings.ts';
import { presetOf } from '../../../web/presets/presets.ts';
import type { Evaluation } from '../../../tools/evaluate/evaluation.ts';
import { nearestTrained, parseModelIndex } from '../../../web/models/model-index.ts';
import { describeKernels } from '../../../worker/loader/describe-kernels.ts';
import { shippedSource } from '../worker/sources.ts';

const readJson = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../public/models/${path}`, import.meta.url), 'utf8'));

describe('the list of shipped models', () => {
  const listed = readJson('index.json');
  const entries = parseModelIndex(listed);

  it('parses without loss and contains the default model', () => {
    expect(entries).toEqual(listed);
    expect(entries.map(({ id }) => id)).toContain(defaultConfig.model);
  });

  it.each(entries.map((entry) => [entry.id, entry] as const))(
    'agrees with the config.json of %s',
    (id, entry) => {
      const read = parseModelConfig(readJson(`${id}/config.json`));
      expect(read).toMatchObject({ ok: true, value: { stored: entry.stored } });
    },
  );

  it('has a model whose plan is nearest to any other, for the family alone', () => {
    const nearest = (layerTypes: string, chosen = 'fairy-llama') =>
      nearestTrained(entries, chosen, layerTypes)?.id;
    expect(nearest('0_1_2_3_4_5_5_7')).toBe('fairy-llama');
    expect(nearest('0_6_6_6_6_6_7_7')).toBe('fairy-lckv');
    expect(nearest('0_0_2_2_4_4_6_7')).toBe('fairy-cla');
    expect(nearest('0_1')).toBeUndefined();
    expect(nearest('0_1_2_3_4_5_5_7', 'owner/name')).toBeUndefined();
  });

  it('has a plain LLaMA that transformers opens as it is, and models for LCKV’s code', () => {
    for (const { id } of entries) {
      const config = readJson(`${id}/config.json`);
      expect(config).toMatchObject({ model_type: id === 'fairy-llama' ? 'llama' : 'lckv-llama' });
    }
    expect(readJson('fairy-llama/config.json')).not.toHaveProperty('layer_types');
  });

  it('has every model under the plan that its preset generates', () => {
    const trained = entries.map(({ stored }) => presetOf(stored.layerTypes, 8));
    expect(trained.map((choice) => choice && [choice.preset.id, choice.parameter])).toEqual([
      ['lckv', 2],
      ['llama', 0],
      ['lckv', 4],
      ['cla', 2],
      ['yoco', 0],
      ['mixattention-pairs', 0],
      ['sandwich-middle', 3],
    ]);
  });

  it('has the bits per byte of the card of each model', () => {
    for (const { id, measured } of entries) {
      const { sequential, kvBytesAtContext } = readJson(`${id}/evaluation.json`) as Evaluation;
      expect(measured?.bitsPerByte).toBeCloseTo(sequential.bitsPerByte, 4);
      expect(measured?.kvBytesAtContext).toBe(kvBytesAtContext);
    }
  });

  it('has the kernels of LESS that lie beside each model, as they describe themselves, in at most 1.5 MB', async () => {
    for (const { id, kernels } of entries) {
      const source = shippedSource(id);
      const files = (await source.names()).filter((name) => /^less-.*\.safetensors$/.test(name));
      expect(kernels, id).toEqual(await describeKernels(source, files));
      const sizes = files.map((file) => statSync(`public/models/${id}/${file}`).size);
      expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(1_500_000);
    }
  });

  it('has the sizes of the files that a load may read', () => {
    for (const { id, kernels, fileBytes } of entries) {
      const names = [...TEXT_FILES, WHOLE_WEIGHTS, ...kernels.map(({ file }) => file)];
      const there = names.filter((name) => existsSync(`public/models/${id}/${name}`));
      const sizes = there.map((name) => [name, statSync(`public/models/${id}/${name}`).size]);
      expect(fileBytes, id).toEqual(Object.fromEntries(sizes));
    }
  });

  it('leaves out invalid entries, and kernels that cannot be', () => {
    const [whole] = entries;
    const [kernels] = whole?.kernels ?? [];
    const wrong = [
      null,
      {},
      { ...kernels, file: '../x.safetensors' },
      { ...kernels, policy: { id: 'tova' } },
    ];
    expect(parseModelIndex([{ ...whole, kernels: [...wrong, kernels] }])).toEqual([
      { ...whole, kernels: [kernels] },
    ]);
    expect(parseModelIndex([{ ...whole, kernels: 'all' }])).toEqual([]);
    expect(parseModelIndex([{ ...whole, name: 3 }])).toEqual([]);
    expect(parseModelIndex([{ ...whole, fileBytes: { 'config.json': 'many' } }])).toEqual([]);
    expect(parseModelIndex([{ ...whole, fileBytes: 3 }])).toEqual([]);
    expect(parseModelIndex([whole, { ...whole, measured: { bitsPerByte: 'few' } }])).toEqual([whole]);
    expect(parseModelIndex([{ id: 'x' }, null, 3])).toEqual([]);
    expect(parseModelIndex({})).toEqual([]);
  });

  it('takes an entry without a name or kernels, as people who host their own models may write it', () => {
    const [whole] = entries;
    const written = { id: whole?.id, description: 'Mine', stored: whole?.stored };
    expect(parseModelIndex([written])).toEqual([{ ...written, name: '', kernels: [] }]);
  });
});
