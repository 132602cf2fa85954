import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { policyKinds } from '../../../gpu/kv/policies/policies.ts';
import { settings } from '../../../worker/settings/settings.ts';
import { meaningOf, meanings } from '../../../web/meaning/meanings.ts';
import type { Present } from '../../../web/meaning/present.ts';
import { WIDTH } from '../../../web/meaning/sketch.ts';
import { presetsFor } from '../../../web/presets/presets.ts';

const terms = Object.keys(meanings);

const nothing: Present = {
  plan: null,
  window: 1,
  forwardPasses: 0,
  backwardPasses: 0,
  kvHeads: null,
  headDim: null,
  kvBytes: 2,
  weights: 'stored',
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  maxNewTokens: 1,
  continuations: 1,
  sinks: null,
  recent: null,
  heavy: null,
  rows: null,
  chunk: null,
  promptTokens: null,
  newTokens: null,
  prefillMs: null,
  decodeMs: null,
};
const lckv: Present = {
  ...nothing,
  plan: [0, 6, 6, 6, 6, 6, 6, 7].map((reads) => ({ reads, windowed: false })),
  window: 64,
  forwardPasses: 7,
  backwardPasses: 2,
  kvHeads: 2,
  headDim: 32,
  weights: 'q8',
  temperature: 0.8,
  topK: 3,
  topP: 0.9,
  minP: 0.2,
  repetitionPenalty: 1.1,
  continuations: 4,
  sinks: 4,
  recent: 60,
  heavy: 12,
  rows: 64,
  chunk: 16,
  promptTokens: 9,
  newTokens: 129,
  prefillMs: 100,
  decodeMs: 1600,
};
const huge: Present = {
  ...lckv,
  plan: Array.from({ length: 200 }, (_, reads) => ({ reads: 199 - reads, windowed: true })),
  window: 10_000_000,
  forwardPasses: 1000,
  backwardPasses: 1000,
  temperature: 100,
  topK: 100_000,
  maxNewTokens: 100_000,
  sinks: 0,
  recent: 100_000,
};

describe('An explanation', () => {
  it.each(terms)('of “%s” says why first, and has a formula and a picture that stays inside', (term) => {
    const { why, text, formula, sketch, now } = meaningOf(term);
    for (const said of [why, ...(text === undefined ? [] : [text])])
      expect(said).toMatch(/^[\p{Lu}\d“].*[.?]$/u);
    expect(why.length).toBeLessThan(240);
    expect(formula).not.toBe('');
    for (const present of [nothing, lckv, huge]) {
      const { description, height, marks } = sketch(present);
      expect(description).not.toBe('');
      expect(marks.length).toBeGreaterThan(0);
      for (const mark of marks) {
        if (mark.kind === 'path') {
          expect(mark.d).not.toMatch(/NaN|Infinity/);
          continue;
        }
        expect(Number.isFinite(mark.x) && Number.isFinite(mark.y)).toBe(true);
        expect(mark.y).toBeLessThanOrEqual(height);
        if (mark.kind === 'box') expect(mark.x + mark.width).toBeLessThanOrEqual(WIDTH + 0.01);
      }
      expect(now?.(present) ?? '').not.toMatch(/NaN|Infinity|null|undefined/);
    }
  });

  it('puts the numbers of the page into the formula', () => {
    expect(meaningOf('KV cache').now?.(lckv)).toBe('3 · 2 · 2 · 32 · 2 = 768 bytes per token');
    expect(meaningOf('Decode speed').now?.(lckv)).toBe('128 / 1.60 s = 80 tokens/s');
    expect(meaningOf('Layer types').now?.(lckv)).toBe('0_6_6_6_6_6_6_7: 3 / 8 = 37.5 %');
    expect(meaningOf('Sinks').now?.(lckv)).toBe('4 sinks + 60 recent = 64 rows');
    expect(meaningOf('Sinks').now?.(nothing)).toBeNull();
  });

  it('draws the setting: top-k leaves as many bars as it says', () => {
    const filled = (topK: number) =>
      meaningOf('Top-k')
        .sketch({ ...lckv, topK })
        .marks.filter((mark) => mark.kind === 'box' && mark.look === 'held' && mark.height > 0).length;
    expect([1, 3, 0].map(filled)).toEqual([1, 3, 6]);
  });

  it('is there for every setting that has a field, every policy, and every parameter of a preset', () => {
    const shown = Object.values(settings).filter(({ form }) => form !== null);
    const names = [
      ...shown.map(({ label }) => label),
      settings.layerTypes.label,
      settings.budgetMib.label,
      ...policyKinds.map(({ label }) => label),
      ...presetsFor(8).flatMap(({ parameter }) => (parameter ? [parameter.name] : [])),
    ];
    for (const name of names) expect(terms, name).toContain(name);
  });

  it('is there for every name that a component asks for', () => {
    const files = readdirSync('web', { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.svelte'),
    );
    const asked = files.flatMap((file) => {
      const source = readFileSync(join('web', file), 'utf8');
      return [
        ...source.matchAll(/<(?:WhatIsThis|ExplainedTitle|Figure|SpeedFigure)\s+(?:of|label)="([^"]+)"/g),
      ].map(([, name]) => name ?? '');
    });
    expect(asked.length).toBeGreaterThan(8);
    for (const name of asked) expect(terms).toContain(name);
  });
});
