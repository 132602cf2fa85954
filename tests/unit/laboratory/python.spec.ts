import { describe, expect, it } from 'vitest';
import { codePoints, rstrip, utf8Bytes, wordCount } from '../../../worker/laboratory/python-text.ts';
import { PythonRandom } from '../../../worker/laboratory/tasks/python-random.ts';

describe('Texts as Python counts them', () => {
  it('strips what Python calls white space, and no more', () => {
    expect(rstrip('a \u001c\u0085\u3000\n')).toBe('a');
    expect(rstrip('a\ufeff ')).toBe('a\ufeff');
    expect(rstrip('   ')).toBe('');
  });

  it('counts words as the pieces between white space, the empty ones at the ends too', () => {
    expect(wordCount('Once upon a time')).toBe(4);
    expect(wordCount(' two  words\n')).toBe(4);
    expect(wordCount('')).toBe(1);
    expect(wordCount('a\u0085b\ufeffc')).toBe(2);
  });

  it('counts code points, and bytes of UTF-8', () => {
    expect(codePoints('👑é')).toBe(2);
    expect(utf8Bytes('👑é')).toBe(6);
  });
});

describe('Python’s generator of random numbers', () => {
  it('draws what Python draws', () => {
    // [random.Random(0).random() for _ in range(3)], and random.Random(5).choices(range(7), k=7)
    const random = new PythonRandom(0);
    expect([random.random(), random.random(), random.random()]).toEqual([
      0.8444218515250481, 0.7579544029403025, 0.420571580830845,
    ]);
    expect([...new PythonRandom(5).choices(7)]).toEqual([4, 5, 5, 6, 5, 6, 0]);
  });
});
