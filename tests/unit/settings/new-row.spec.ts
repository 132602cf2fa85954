import { render } from 'svelte/server';
import { describe, expect, it } from 'vitest';
import { optionsOf } from '../../../tools/bench/options.ts';
import { parseRequest } from '../../../tools/headless/request.ts';
import type { ChoiceSetting, NumberSetting, Setting } from '../../../worker/settings/setting.ts';
import { settings, type Settings } from '../../../worker/settings/settings.ts';
import { initialValues } from '../../../worker/settings/values.ts';
import type { ModelFacts } from '../../../worker/protocol/load.ts';
import { cite } from '../../../web/playground/cite.ts';
import { readStoredRun } from '../../../web/playground/read-stored-run.ts';
import { finishedRun, newRun } from '../../../web/playground/run.ts';
import { runFields, storedRunOf } from '../../../web/playground/stored-run.ts';
import { checkConfig, namesOfWrongFields } from '../../../web/settings/checks.ts';
import FormFields from '../../../web/settings/FormFields.svelte';
import { decodeHash, encodeHash } from '../../../web/settings/hash.ts';
import { toGenerateRequest, toLoadRequest } from '../../../web/settings/requests.ts';
import type { PlaygroundConfig } from '../../../web/settings/settings.ts';

const common = { wide: false, shownIf: null, compared: true } as const;
const cooling = {
  ...common,
  kind: 'number',
  initial: 3,
  range: { min: 0, max: 9, whole: true },
  mayBeEmpty: false,
  step: 1,
  link: 'cool',
  label: 'Cooling',
  meaning: 'Degrees per token',
  part: 'sampling',
  form: 'sampling',
  headless: { field: 'sampling.cooling', absent: { is: 0 } },
} as const satisfies NumberSetting;
const shelf = {
  ...common,
  kind: 'choice',
  initial: 'low',
  options: { low: 'Low shelf', high: 'High shelf' },
  link: 'shelf',
  label: 'Shelf',
  meaning: 'Where weights lie',
  part: 'load',
  form: 'precision',
  headless: { field: 'shelf', absent: { is: 'low' } },
} as const satisfies ChoiceSetting;
const lid = {
  ...common,
  kind: 'flag',
  initial: false,
  link: 'lid',
  label: 'Lid',
  meaning: 'Keeps the heat',
  part: 'run',
  form: 'sharing',
  headless: { field: 'lid', absent: { is: false } },
} as const satisfies Setting;

/** The table with three more rows that no other code knows. */
const table: Settings = { ...settings, ...{ cooling, shelf, lid } };
const config: PlaygroundConfig = {
  ...initialValues(table),
  layerTypes: '0_1',
  ...{ cooling: 5, shelf: 'high', lid: true },
};

describe('a row that is added to the table', () => {
  it('is written into links and read from them', () => {
    const link = encodeHash(config, null, table);
    expect(link).toBe('v=1&layers=0_1&mode=fastest&cool=5&shelf=high&lid=true');
    expect(decodeHash(link, table)).toEqual({
      values: { layerTypes: '0_1', mode: 'fastest', cooling: 5, shelf: 'high', lid: true },
      omitted: [],
      complaints: [],
      build: null,
      contenders: [],
      experiment: null,
      healing: null,
      tab: 'write',
    });
    expect(decodeHash('#v=1&cool=10&shelf=up&lid=1', table).complaints).toHaveLength(3);
  });

  it('is checked', () => {
    const problems = checkConfig({ ...config, ...{ cooling: 10 } }, null, table);
    expect(problems).toEqual({ cooling: 'Enter a whole number from 0 to 9.' });
    expect(namesOfWrongFields(problems, table)).toEqual(['Cooling']);
  });

  it('goes into the requests to the engine', () => {
    expect(toLoadRequest(config, new Map(), table)).toMatchObject({ shelf: 'high', weights: 'stored' });
    expect(toGenerateRequest(config, table)).toMatchObject({ lid: true, sampling: { cooling: 5, topK: 0 } });
    expect(toGenerateRequest({ ...config, ...{ cooling: null } }, table)).toBeNull();
  });

  it('is a field of headless requests, with its own default', () => {
    const smallest = { model: 'm', prompt: 'Once' };
    expect(
      parseRequest({ ...smallest, shelf: 'high', lid: true, sampling: { cooling: 4 } }, table),
    ).toMatchObject({
      value: { load: { shelf: 'high' }, generate: { lid: true, sampling: { cooling: 4, topP: 1 } } },
    });
    expect(parseRequest(smallest, table)).toMatchObject({
      value: { load: { shelf: 'low' }, generate: { lid: false, sampling: { cooling: 0 } } },
    });
    expect(parseRequest({ ...smallest, shelf: 'up' }, table)).toMatchObject({ failure: { field: 'shelf' } });
    expect(parseRequest({ ...smallest, sampling: { cooling: 'x' } }, table)).toMatchObject({
      failure: { field: 'sampling.cooling' },
    });
    expect(parseRequest({ model: 'm', export: 'out', lid: true }, table)).toMatchObject({
      failure: { field: 'lid', reason: 'an export runs nothing' },
    });
  });

  it('is an option of the benchmark', () => {
    expect(Object.keys(optionsOf(table))).toEqual(expect.arrayContaining(['shelf', 'lid', 'weights', 'kv']));
  });

  it('is kept with every run, read again, exported and cited', () => {
    const facts = { id: 'm', adapter: { backend: 'cpu', vendor: '', description: '', software: true } };
    const request = toGenerateRequest(config, table);
    if (!request) throw new Error('the configuration can run');
    const link = encodeHash(config, null, table);
    const asked = newRun(
      1,
      facts as unknown as ModelFacts,
      { prompt: 'Once', link, settings: config, commit: null },
      request,
    );
    const run = finishedRun(asked, {
      ...{
        mode: 'parallel',
        end: 'length',
        promptTokens: 2,
        notices: [],
        tokens: [1],
        text: 'a',
        logits: [],
        nats: null,
      },
      reuse: { heldTokens: 0, reusedTokens: 0 },
      kv: { bytes: 96, allocatedBytes: 128, bytesPerToken: 24, layers: [] },
      timing: { prefillMs: 1, decodeMs: 1, prefillTokensPerSec: 3, decodeTokensPerSec: 1 },
    });
    const kept = storedRunOf(run, 'a', 1000, table);
    expect(kept).toMatchObject({ cooling: 5, shelf: 'high', lid: true, mode: 'parallel' });
    expect(readStoredRun(structuredClone(kept), table)).toEqual(kept);
    expect(runFields(table)).toEqual(expect.arrayContaining(['cooling', 'shelf', 'lid']));
    // A run from before the rows were added.
    const old = Object.fromEntries(
      Object.entries({ ...kept, link: '' }).filter(([key]) => !['cooling', 'shelf', 'lid'].includes(key)),
    );
    expect(readStoredRun(old, table)).toMatchObject({ cooling: 3, shelf: 'low', lid: false });
    expect(readStoredRun({ ...kept, shelf: 'up' }, table)).toBeNull();

    if (!kept) throw new Error('the run has figures');
    const citation = cite(kept, 'https://host.example/', [kept], table);
    for (const words of ['cooling 5', 'shelf high', ', lid', '&cool=5&shelf=high&lid=true'])
      expect(citation).toContain(words);
  });

  it('appears in the form with its label, whatever its kind', () => {
    const draw = (form: 'sampling' | 'sharing' | 'precision') =>
      render(FormFields, {
        props: { form, values: config, problems: {}, set: () => undefined, table },
      }).body.replace(/<!--.*?-->/g, '');
    expect(draw('sampling')).toMatch(
      /<label for="([^"]+)">Cooling<\/label>\s*<input id="\1" type="number"[^>]*max="9"/,
    );
    expect(draw('precision')).toMatch(/<label for="([^"]+)">Shelf<\/label>\s*<select id="\1"/);
    expect(draw('precision')).toContain('High shelf');
    expect(draw('sharing')).toMatch(
      /<input id="([^"]+)" type="checkbox"[^>]*>[\s\S]*<label for="\1"[^>]*>Lid<\/label>/,
    );
  });
});
