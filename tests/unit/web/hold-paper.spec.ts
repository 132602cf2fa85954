import { describe, expect, it } from 'vitest';
import { linesOf } from '../../../web/panels/write/hold-paper.ts';

describe('The height that a text gets before it is written', () => {
  const wide = { widthPx: 590, fontPx: 17 };

  it('is enough for what the shipped models write', () => {
    // 150 tokens after a prompt of 40 characters took 9 lines of 590 px.
    const lines = linesOf({ ...wide, promptCharacters: 40, newTokens: 150 });
    expect(lines).toBeGreaterThanOrEqual(9);
    expect(lines).toBeLessThan(14);
  });

  it('grows with the prompt and the tokens, and as lines get shorter', () => {
    const text = { promptCharacters: 40, newTokens: 128 };
    expect(linesOf({ ...text, widthPx: 300, fontPx: 19 })).toBeGreaterThan(
      2 * linesOf({ ...text, ...wide }) - 2,
    );
    expect(linesOf({ ...wide, promptCharacters: 4000, newTokens: 128 })).toBeGreaterThan(40);
    expect(linesOf({ ...wide, promptCharacters: 0, newTokens: 0 })).toBe(0);
  });
});
