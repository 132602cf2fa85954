import { expect } from 'vitest';

/** Fails if a sentence holds characters that hide, or turn what stands beside them: a stranger may have written it. */
export function expectReadable(sentence: string): void {
  expect(sentence).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
}
