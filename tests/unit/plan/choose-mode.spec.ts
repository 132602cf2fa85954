import { describe, expect, it } from 'vitest';
import { chooseMode, fastestMode } from '../../../gpu/plan/choose-mode.ts';
import { layersOf } from '../../support/arbitrary-plans.ts';

const gpu = { backend: 'webgpu', software: false } as const;
const softwareGpu = { backend: 'webgpu', software: true } as const;
const cpu = { backend: 'cpu', software: true } as const;

describe('chooseMode', () => {
  const facts = {
    layers: layersOf('0_2_2_3'),
    promptTokens: 10,
    passes: { forward: 7, backward: 2 },
    useSequential: false,
    adapter: gpu,
  };

  it('takes the requested mode, whatever the facts', () => {
    expect(chooseMode('parallel', { ...facts, promptTokens: 1, useSequential: true })).toBe('parallel');
    expect(chooseMode('sequential', { ...facts, layers: layersOf('0_1') })).toBe('sequential');
  });

  it('follows the published rule on every backend', () => {
    for (const adapter of [gpu, softwareGpu, cpu]) {
      expect(chooseMode('auto', { ...facts, promptTokens: 9, adapter })).toBe('sequential');
      expect(chooseMode('auto', { ...facts, promptTokens: 10, adapter })).toBe('parallel');
    }
  });

  it('goes token by token if the prompt has no more tokens than there are passes', () => {
    expect(chooseMode('auto', { ...facts, promptTokens: 9 })).toBe('sequential');
    expect(chooseMode('auto', { ...facts, promptTokens: 10 })).toBe('parallel');
  });

  it('runs a plan that never reads above in parallel, however short the prompt', () => {
    expect(chooseMode('auto', { ...facts, layers: layersOf('0_1_1'), promptTokens: 1 })).toBe('parallel');
  });

  it('goes token by token if the checkpoint asks for it', () => {
    expect(chooseMode('auto', { ...facts, promptTokens: 1000, useSequential: true })).toBe('sequential');
  });
});

describe('fastestMode', () => {
  const lckv = {
    layers: layersOf('0_6_6_6_6_6_6_7'),
    promptTokens: 100,
    passes: { forward: 7, backward: 2 },
    useSequential: false,
    adapter: gpu,
  };

  it('is what chooses if the fastest mode is asked for', () => {
    expect(chooseMode('fastest', lckv)).toBe('parallel');
    expect(chooseMode('fastest', { ...lckv, adapter: cpu })).toBe('sequential');
  });

  it('takes passes on a GPU, unless the prompt is so short that steps are fewer', () => {
    // Nine passes of six layers are about 47 layers for a row, so that six steps of eight layers are as much.
    expect(fastestMode({ ...lckv, promptTokens: 6 })).toEqual({
      mode: 'parallel',
      because: 'passes-are-faster',
    });
    expect(fastestMode({ ...lckv, promptTokens: 5 })).toEqual({
      mode: 'sequential',
      because: 'steps-are-faster',
    });
  });

  it('takes steps where rows together gain less than the passes cost, however long the prompt', () => {
    for (const adapter of [cpu, softwareGpu]) {
      const facts = { ...lckv, adapter, promptTokens: 10_000 };
      expect(fastestMode(facts)).toEqual({ mode: 'sequential', because: 'steps-are-faster' });
    }
  });

  it('takes few passes on a processor, too, but not for a few rows, which gain nothing', () => {
    const few = { ...lckv, passes: { forward: 1, backward: 1 }, adapter: cpu };
    expect(fastestMode({ ...few, promptTokens: 8 })).toEqual({
      mode: 'parallel',
      because: 'passes-are-faster',
    });
    expect(fastestMode({ ...few, promptTokens: 3 }).mode).toBe('sequential');
    const more = { ...few, passes: { forward: 2, backward: 1 } };
    expect(fastestMode(more).mode).toBe('sequential');
    expect(fastestMode({ ...more, adapter: softwareGpu }).mode).toBe('parallel');
  });

  it('reads all tokens at once if nothing is iterated: both modes are exact', () => {
    const yoco = { ...lckv, layers: layersOf('0s_1s_2s_3s_4_4_4_4'), promptTokens: 1, adapter: cpu };
    expect(fastestMode(yoco)).toEqual({ mode: 'parallel', because: 'nothing-iterated' });
  });

  it('does what config.json asks', () => {
    expect(fastestMode({ ...lckv, useSequential: true })).toEqual({ mode: 'sequential', because: 'config' });
  });
});
