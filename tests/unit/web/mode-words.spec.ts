import { expect, it } from 'vitest';
import type { ModeChoice, Mode } from '../../../gpu/plan/forward-plan.ts';
import { modeWords } from '../../../web/panels/figures/mode-words.ts';
import type { Run } from '../../../web/playground/run.ts';
import { defaultConfig } from '../../../web/settings/settings.ts';

const run = (ran: Mode | null, asked: ModeChoice, changes: Partial<Run> = {}) =>
  ({
    mode: ran,
    settings: { ...defaultConfig, mode: asked },
    promptTokens: 10,
    layerTypes: '0_2_2_3',
    dims: { layerCount: 4 },
    adapter: { backend: 'cpu', software: true },
    ...changes,
  }) as Run;

it('The prefill figure says which mode ran, and why if the page chose it', () => {
  expect(modeWords(run(null, 'fastest'), false)).toBe('');
  expect(modeWords(run('sequential', 'sequential'), false)).toBe('sequential');
  expect(modeWords(run('parallel', 'auto'), false)).toBe('parallel');
  expect(modeWords(run('sequential', 'fastest'), false)).toBe(
    'sequential: 10 steps are faster here than 9 passes',
  );
  const adapter = { backend: 'webgpu', software: false } as Run['adapter'];
  expect(modeWords(run('parallel', 'fastest', { adapter }), false)).toBe(
    'parallel: 9 passes are faster here than 10 steps',
  );
  expect(modeWords(run('parallel', 'fastest', { layerTypes: '0_0_2_2' }), false)).toBe(
    'parallel, exact for this plan',
  );
  expect(modeWords(run('sequential', 'fastest'), true)).toBe('sequential, as config.json asks');
});
