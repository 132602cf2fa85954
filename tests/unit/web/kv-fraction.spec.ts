import { expect, it } from 'vitest';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { kvFraction, unbroken } from '../../../web/ui/kv-fraction.ts';

/** The one KV number of an eight-layer plan with a window of 64. */
function numberOf(text: string, contextTokens: number | null, mostRows = Infinity, windowTokens = 64) {
  const budget = mostRows < Infinity ? { sinks: 0, recent: mostRows, heavy: 0 } : null;
  const plan = parseLayerTypes(text, 8);
  if (!plan.ok) throw new Error(plan.reason);
  const kept = budget && { budget, bytes: null };
  return kvFraction({ layers: plan.value, windowTokens }, contextTokens, kept).text;
}

const YOCO = '0s_1s_2s_3s_4_4_4_4';

it('A plan without windows takes the same fraction at every length', () => {
  expect(numberOf('0_6_6_6_6_6_6_7', 512)).toBe('37.5 %');
  expect(numberOf('0_6_6_6_6_6_6_7', null)).toBe('37.5 %');
});

it('A plan with windows takes one fraction of a full context, and another of each new token', () => {
  // Four windows of 64 rows and one cache of 512, of eight caches of 512.
  expect(numberOf(YOCO, 512)).toBe('18.8 % at 512 tokens · 62.5 % per new token');
  expect(numberOf(YOCO, null)).toBe('62.5 % per new token');
});

it('A plan whose windows are as long as the context takes one fraction of every text', () => {
  expect(numberOf(YOCO, 512, Infinity, 4096)).toBe('62.5 %');
  expect(numberOf(YOCO, 512, Infinity, 511)).toBe('62.4 % at 512 tokens · 62.5 % per new token');
});

it('A window that only readers have bounds no cache', () => {
  expect(numberOf('0_6s_6s_6s_6s_6s_6_7', 512)).toBe('37.5 %');
});

it('A policy bounds every cache', () => {
  expect(numberOf('0_1_2_3_4_5_6_7', 512, 128)).toBe('25 % at 512 tokens · 100 % per new token');
  expect(numberOf(YOCO, 512, 32)).toBe('3.9 % at 512 tokens · 62.5 % per new token');
  // A window of 64 has passed the sinks: 60 rows are left, as previews and figures say.
  const layers = Array.from({ length: 8 }, (_, index) => ({ index, readsFrom: index, windowed: true }));
  const budget = { sinks: 4, recent: 60, heavy: 0 };
  expect(kvFraction({ layers, windowTokens: 64 }, 512, { budget, bytes: null }).value).toBe(60 / 512);
});

it('A line may end only between the number at the full context and that of a new token', () => {
  const shown = unbroken('18.8 % at 1,024 tokens · 62.5 % per new token');
  expect(shown.split(' ')).toHaveLength(2);
  expect(shown.replaceAll('\u00a0', ' ')).toBe('18.8 % at 1,024 tokens · 62.5 % per new token');
  expect(unbroken('37.5 %')).toBe('37.5\u00a0%');
  expect(unbroken('')).toBe('');
});
