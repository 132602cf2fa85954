import { describe, expect, it } from 'vitest';
import { scoreOf } from '../../../tools/evaluate/evaluation.ts';
import { takeWindows } from '../../../tools/evaluate/held-out.ts';
import { repeatedPhrases } from '../../../tools/evaluate/repeated-phrases.ts';
import type { TextTokenizer } from '../../../worker/text/tokenizer.ts';

/** One token per character: its code. 0 is the begin token. */
const letters: TextTokenizer = {
  encode: (text) => [0, ...Array.from(text, (letter) => letter.charCodeAt(0))],
  decode: (tokens) => String.fromCharCode(...tokens),
  isSilent: (token) => token === 0,
  idOf: () => null,
  notices: [],
  nameOf: () => null,
};
const codes = (text: string) => letters.encode(text, true).slice(1);

describe('windows of the held-out text', () => {
  it('cover it from its first token to its last, each after the begin token', () => {
    const { windows, tokens } = takeWindows('abcdefghij', letters, 3, 4);
    expect(windows).toEqual([
      [0, ...codes('abcd')],
      [0, ...codes('defg')],
      [0, ...codes('ghij')],
    ]);
    expect(tokens).toBe(12);
  });

  it('count the bytes of their text, not its characters', () => {
    expect(takeWindows('aéé', letters, 2, 2).bytes).toBe(3 + 4);
  });

  it('are refused if the text is shorter than one window', () => {
    expect(() => takeWindows('abc', letters, 2, 4)).toThrow(/3 tokens/);
  });
});

it('a model that knows nothing of 256 bytes scores 8 bits per byte', () => {
  expect(scoreOf(Math.log(256), 10, 10)).toEqual({
    natsPerToken: Math.log(256),
    bitsPerByte: expect.closeTo(8, 12) as number,
    perplexity: expect.closeTo(256, 9) as number,
  });
  expect(scoreOf(Math.log(256), 10, 40).bitsPerByte).toBeCloseTo(2, 12);
});

it('a phrase counts as a repetition from its second occurrence on', () => {
  expect(repeatedPhrases(codes('abcdefgh'))).toEqual({ repeated: 0, of: 5 });
  expect(repeatedPhrases(codes('abcdabcd'))).toEqual({ repeated: 1, of: 5 });
  expect(repeatedPhrases(codes('aaaaaa'))).toEqual({ repeated: 2, of: 3 });
  expect(repeatedPhrases(codes('abc'))).toEqual({ repeated: 0, of: 0 });
});
