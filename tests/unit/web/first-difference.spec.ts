import { describe, expect, it } from 'vitest';
import { afterCommon, markDifferences } from '../../../web/panels/compare/mark-differences.ts';
import { firstDifference } from '../../../web/ui/first-difference.ts';
import { words } from '../../../web/panels/compare/words.ts';
import { fc } from '../../support/seeded-properties.ts';

describe('The first difference of two texts', () => {
  it.each([
    [
      ' a king who had',
      ' a king who was',
      { common: ' a king who', commonWords: 3, own: 'was', other: 'had' },
    ],
    ['The king', 'A king', { common: '', commonWords: 0, own: 'A', other: 'The' }],
    ['one two', 'one two three', { common: 'one two', commonWords: 2, own: 'three', other: '' }],
    ['one two three', 'one two', { common: 'one two', commonWords: 2, own: '', other: 'three' }],
    // Whole words: those that begin alike are not alike.
    ['the woodcutter', 'the wood', { common: 'the', commonWords: 1, own: 'wood', other: 'woodcutter' }],
    ['a 👩‍👩‍👧 ran', 'a 👩‍👩‍👦 ran', { common: 'a', commonWords: 1, own: '👩‍👩‍👦', other: '👩‍👩‍👧' }],
    ['', 'a', { common: '', commonWords: 0, own: 'a', other: '' }],
  ])('of %j and %j is at a whole word', (reference, text, expected) => {
    expect(firstDifference(reference, text)).toEqual(expected);
  });

  it('does not exist if the texts are the same', () => {
    expect(firstDifference('a b', 'a b')).toBeNull();
    expect(firstDifference('', '')).toBeNull();
    expect(firstDifference('a b', ' a  b\n')).toBeNull();
  });

  it('is behind what both texts begin with, and with the rest makes up the text', () => {
    const text = fc
      .array(fc.constantFrom('a', 'bb', ' ', '\n', '👩‍👧', 'É'), { maxLength: 12 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, text, (reference, own) => {
        const parting = firstDifference(reference, own);
        const wordsOf = (some: string) => some.split(/\s+/).filter((word) => word !== '');
        if (!parting) {
          expect(wordsOf(own)).toEqual(wordsOf(reference));
          return true;
        }
        const { common, commonWords } = parting;
        expect(own.startsWith(common)).toBe(true);
        expect(wordsOf(common)).toEqual(wordsOf(reference).slice(0, commonWords));
        const rest = afterCommon(markDifferences(reference, own), common);
        expect(common + rest.map((stretch) => stretch.text).join('')).toBe(own);
        return true;
      }),
    );
  });

  it('is said in a sentence', () => {
    const said = (reference: string, text: string) => {
      const parting = firstDifference(reference, text);
      return parting ? words.startsAlike(parting) : words.sameText;
    };
    expect(said('a king had', 'a king was')).toBe(
      'The same as the first one for 2 words: then “was”, where the first one has “had”.',
    );
    expect(said('a king', 'a')).toBe(
      'The same as the first one for 1 word: then it ends, where the first one has “king”.',
    );
    expect(said('the', 'a')).toBe(
      'Differs from the first one at once: then “a”, where the first one has “the”.',
    );
    expect(said('a', 'a')).toBe('The same text as the first one.');
  });
});
