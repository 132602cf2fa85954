import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { TextStream } from '../../../worker/text/text-stream.ts';
import { attemptAsync } from '../../../worker/outcome.ts';
import { openTokenizer, type TextTokenizer } from '../../../worker/text/tokenizer.ts';
import { shippedSource } from './sources.ts';
import { fc } from '../../support/seeded-properties.ts';

let tokenizer: TextTokenizer;

beforeAll(async () => {
  const source = shippedSource('fairy-lckv');
  tokenizer = await openTokenizer((await source.text('tokenizer.json')) ?? '');
});

/** The pieces that a stream returns, with the flush last. */
function stream(tokens: readonly number[], prompt: readonly number[] = []): string[] {
  const text = new TextStream(tokenizer, prompt);
  return [...tokens.map((token) => text.push(token)), text.flush()];
}

const textsWithWideCharacters = fc
  .array(
    fc.constantFrom(
      'a',
      ' the king',
      'é',
      '日',
      '本語',
      '👑',
      '👨‍👩‍👧',
      '🏳️‍🌈',
      'ß',
      '\n',
      '\u0301',
      '𐍈',
      '\uFFFD',
    ),
  )
  .map((parts) => parts.join(''));
/** Any ids, so mostly invalid UTF-8, including special and unknown ones. */
const anyTokens = fc.array(fc.oneof(fc.nat(2060), fc.integer({ min: 2, max: 260 })), { maxLength: 120 });

describe('a text stream', () => {
  it('returns exactly the text of the tokens that it gets', () => {
    fc.assert(
      fc.property(fc.oneof(textsWithWideCharacters, fc.string({ unit: 'grapheme' })), (text) => {
        expect(stream(tokenizer.encode(text, true)).join('')).toBe(text);
      }),
    );
  });

  it('returns the same as decoding all tokens at once, whatever they are', () => {
    fc.assert(
      fc.property(anyTokens, (tokens) => {
        expect(stream(tokens).join('')).toBe(tokenizer.decode(tokens));
      }),
      { numRuns: 300 },
    );
  });

  it('never returns half a character', () => {
    fc.assert(
      fc.property(textsWithWideCharacters, (text) => {
        let handedOut = '';
        for (const piece of stream(tokenizer.encode(text, true))) {
          handedOut += piece;
          expect(text.startsWith(handedOut)).toBe(true);
          expect(piece.isWellFormed()).toBe(true);
        }
      }),
    );
  });

  it('holds the bytes of an emoji back until the last of them', () => {
    const bytes = tokenizer.encode('👑', true).slice(1);
    expect(bytes.length).toBeGreaterThan(1);
    expect(stream(bytes)).toEqual([...bytes.slice(1).map(() => ''), '👑', '']);
  });

  it('shows an unfinished character as U+FFFD when it is flushed', () => {
    const bytes = tokenizer.encode('👑', true).slice(1, -1);
    expect(stream(bytes).at(-1)).toBe('\uFFFD');
  });

  it('skips special tokens, even within a character', () => {
    const [first = 0, ...rest] = tokenizer.encode('👑', true).slice(1);
    expect(stream([0, first, 1, ...rest, 1]).join('')).toBe('👑');
  });

  it('continues a prompt without repeating its text', () => {
    fc.assert(
      fc.property(textsWithWideCharacters, textsWithWideCharacters, (prompt, text) => {
        const tokens = tokenizer.encode(text, true).slice(1);
        expect(stream(tokens, tokenizer.encode(prompt, true)).join('')).toBe(text);
      }),
    );
  });

  it('keeps the space that a decoder removes only at the beginning of a text', () => {
    const words = ['▁once', '▁upon', '▁a', 'b'];
    const metaspace = {
      isSilent: () => false,
      decode: (tokens: readonly number[]) =>
        tokens
          .map((token) => words[token])
          .join('')
          .replaceAll('▁', ' ')
          .replace(/^ /, ''),
    };
    const tokens = Array.from({ length: 100 }, (_, i) => i % words.length);
    const all = (prompt: number[]) => {
      const text = new TextStream(metaspace, prompt);
      return tokens.map((token) => text.push(token)).join('') + text.flush();
    };
    expect(all([])).toBe(metaspace.decode(tokens));
    expect(all([0])).toBe(` ${metaspace.decode(tokens)}`);
  });

  it('decodes a bounded number of tokens for each new one', () => {
    let decoded = 0;
    const counting = {
      isSilent: () => false,
      decode: (tokens: readonly number[]) => {
        decoded += tokens.length;
        return '\uFFFD'.repeat(tokens.length);
      },
    };
    const text = new TextStream(counting);
    let pieces = '';
    for (let token = 0; token < 10_000; token++) pieces += text.push(token);
    expect(pieces + text.flush()).toBe('\uFFFD'.repeat(10_000));
    expect(decoded).toBeLessThan(10_000 * 40);
  });
});

describe('the tokenizer', () => {
  it("gives a shipped model's prompts the tokens of its golden file", async () => {
    const golden = JSON.parse(await readFile('public/models/fairy-lckv/golden.json', 'utf8')) as {
      prompt: string;
      tokens: number[];
    }[];
    expect(golden.length).toBeGreaterThan(0);
    for (const { prompt, tokens } of golden) expect(tokenizer.encode(prompt, true)).toEqual(tokens);
  });

  it('has no text for ids beyond its vocabulary', () => {
    expect(tokenizer.isSilent(999_999)).toBe(true);
    expect(tokenizer.decode([999_999])).toBe('');
  });

  it.each([
    ['not JSON', '{'],
    ['not an object', '[]'],
    ['not a tokenizer', '{}'],
    [
      'of an unknown kind',
      '{"model":{"type":"Oracle"},"decoder":null,"post_processor":null,"pre_tokenizer":null,"normalizer":null}',
    ],
  ])('is refused as bad-tokenizer if tokenizer.json is %s', async (_, text) => {
    const outcome = await attemptAsync(() => openTokenizer(text));
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'bad-tokenizer' } });
  });
});
