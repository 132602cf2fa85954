import { greedy } from '../../../gpu/plan/sampling.ts';
import type { Run } from '../../../web/playground/run.ts';
import { storedRunOf, type StoredRun } from '../../../web/playground/stored-run.ts';
import { defaultConfig } from '../../../web/settings/settings.ts';

/** A run that has ended, with the fields that are kept of it. */
export const run = (number: number): Run =>
  ({
    number,
    modelId: 'fairy-lckv',
    adapter: { backend: 'cpu', vendor: '', description: '', software: true },
    link: 'v=1&seed=2',
    settings: { ...defaultConfig, seed: 2 },
    prompt: 'Once',
    request: {
      input: { text: 'Once' },
      policy: { id: 'none' },
      kvPrecision: 'f16',
      sampling: greedy,
      config: {},
    },
    commit: null,
    layerTypes: '0_1',
    mode: 'parallel',
    prefilledFraction: 1,
    promptTokens: 2,
    newTokens: 3,
    kv: { bytes: 96, allocatedBytes: 128, bytesPerToken: 24, layers: [] },
    timing: { prefillMs: 1, decodeMs: 1, prefillTokensPerSec: 3, decodeTokensPerSec: 1 },
    end: 'length',
  }) as unknown as Run; // only the fields of a stored run

/** A run as it is kept. */
export const stored = (changes: Partial<StoredRun>): StoredRun => {
  const made = storedRunOf(run(1), ' upon a time', 1000);
  if (!made) throw new Error('the run has figures');
  return { ...made, ...changes };
};
