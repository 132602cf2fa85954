import { describe, expect, it } from 'vitest';
import { readStoredRun } from '../../../web/playground/read-stored-run.ts';
import { runFields } from '../../../web/playground/stored-run.ts';
import { decodeHash, encodeHash } from '../../../web/settings/hash.ts';
import { settings } from '../../../worker/settings/settings.ts';
import { defaultConfig, type PlaygroundConfig } from '../../../web/settings/settings.ts';
import links from '../../fixtures/settings/links.json';
import runs from '../../fixtures/settings/stored-runs.json';

// The fixtures were written before the settings became one table. Links name the mode since a page may choose it.
describe('a link of an earlier version', () => {
  it.each(links.links)('opens as before: $hash', ({ hash, values, complaints }) => {
    expect(decodeHash(hash)).toEqual({
      values,
      complaints,
      omitted: [],
      build: null,
      contenders: [],
      experiment: null,
      healing: null,
      tab: 'write',
    });
  });

  it.each(links.written)('is still written as $hash', ({ changes, hash }) => {
    const config = { ...defaultConfig, ...links.stored, ...changes } as PlaygroundConfig; // from JSON
    expect(encodeHash(config, links.stored)).toBe(hash);
  });
});

describe('a stored run of an earlier version', () => {
  it.each(runs)('is kept only if it is one: $what', ({ run, kept }) => {
    const read = readStoredRun(run);
    expect(read !== null).toBe(kept);
    // Every current field is there, and no unknown one.
    if (read) expect(Object.keys(read).sort()).toEqual([...runFields()].sort());
  });

  it('takes settings that were not kept from its link, as far as the link has them', () => {
    expect(readStoredRun(runs[0]?.run)).toMatchObject({
      ...{ slidingWindow: 64, backend: 'cpu', weights: 'q4', quantizeEmbeddings: true, kvPrecision: 'f32' },
      ...{ seed: 2, topP: 0.95, maxNewTokens: 128, forwardPasses: null, forceNodiag: null },
    });
  });

  it('takes what a link means without a name where a page opens with something else', () => {
    const table = { ...settings, topP: { ...settings.topP, whenUnnamed: 0.5 } };
    const { topP: _, ...run } = Object(runs[1]?.run) as Record<string, unknown>;
    expect(readStoredRun(run)).toMatchObject({ topP: settings.topP.initial });
    expect(readStoredRun(run, table)).toMatchObject({ topP: 0.5 });
  });
});
