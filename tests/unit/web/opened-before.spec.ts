import { describe, expect, it } from 'vitest';
import { isStoredRun } from '../../../web/playground/stored-run.ts';
import { decodeHash, encodeHash } from '../../../web/settings/hash.ts';
import { defaultConfig, type PlaygroundConfig } from '../../../web/settings/settings.ts';
import links from '../../fixtures/settings/links.json';
import runs from '../../fixtures/settings/stored-runs.json';

// The fixtures were written before the settings became one table.
describe('a link of an earlier version', () => {
  it.each(links.links)('opens as before: $hash', ({ hash, values, complaints }) => {
    expect(decodeHash(hash)).toEqual({ values, complaints });
  });

  it.each(links.written)('is still written as $hash', ({ changes, hash }) => {
    const config = { ...defaultConfig, ...links.stored, ...changes } as PlaygroundConfig; // JSON knows no choices
    expect(encodeHash(config, links.stored)).toBe(hash);
  });
});

describe('a stored run of an earlier version', () => {
  it.each(runs)('is kept only if it is one: $what', ({ run, kept }) => {
    expect(isStoredRun(run)).toBe(kept);
  });
});
