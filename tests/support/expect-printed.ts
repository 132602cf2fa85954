import { expect } from 'vitest';
import type { Seen } from './as-printed.ts';

/** Paper tells a run: its prompt, text, figures, plan and link, and nothing that can only be used on a screen. */
export function expectPrinted(seen: Seen, { prompt, text }: { prompt: string; text: string }): void {
  expect(seen.text).toContain(`Prompt: ${prompt}`);
  expect(text.trim()).not.toBe('');
  expect(seen.text.replaceAll(/\s+/g, ' ')).toContain(text.trim().replaceAll(/\s+/g, ' '));
  expect(seen.text).toMatch(/KV cache[\s\S]*37\.5 % of plain LLaMA/);
  expect(seen.text).toMatch(/Decode speed[\s\S]*\d tokens\/s/);
  expect(seen.text).toContain('Plan: 0_6_6_6_6_6_6_7 of fairy-lckv.');
  expect(seen.text).toMatch(/#v=1&model=fairy-lckv&.*&build=/);
  expect(seen.controls).toEqual([]);
  expect(seen.pictureTop, 'the plan is drawn below the logo').toBeGreaterThan(seen.logoBottom);
  expect(seen.pictureHeight).toBeGreaterThan(50);
  expect(seen.overflowPx).toBe(0);
}
