import { describe, expect, it } from 'vitest';
import { BadJson, parseHostileJson } from '../../../worker/hostile-json.ts';
import { show } from '../../../worker/hostile-fields.ts';
import { fc } from '../../support/seeded-properties.ts';

const limits = { length: 1e8, values: 1e6, names: 1e5, nonFinite: false, isFile: true };
const parse = (text: string, changes: Partial<typeof limits> = {}) =>
  parseHostileJson(text, { ...limits, ...changes });

describe('JSON from outside', () => {
  it('has the same value as from JSON.parse, whatever its strings hold', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parse(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    const nested = '{"a":"a","b":{"a":"{\\"a\\":1,\\"a\\":2}"},"c":["a","a"]}';
    expect(parse(nested)).toEqual(JSON.parse(nested));
  });

  it('never throws anything but a refusal', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ',', ':', '\\', 'a', 'N', '1', ' ') }),
        (text) => {
          try {
            parse(text);
          } catch (error) {
            expect(error).toBeInstanceOf(BadJson);
          }
        },
      ),
    );
  });

  it('is refused if an object names a key twice, at any depth and however it is escaped', () => {
    expect(() => parse('{"a":{"b":1,"c":[{"b":2,"\\u0062":3}]}}')).toThrow('"b" twice');
    expect(() => parse('{"":1, "" :2}')).toThrow('"" twice');
    expect(() => parse('{"a\\"":1,"a\\"":2}')).toThrow('"a\\"" twice');
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), (object) => {
        const [key = ''] = Object.keys(object);
        const json = `${JSON.stringify(object).slice(0, -1)},${JSON.stringify(key)}:0}`;
        expect(() => parse(json)).toThrow('twice');
      }),
    );
  });

  it('may hold NaN and infinities if Python may have written it', () => {
    const text = '{"a": NaN, "b": [Infinity, -Infinity, -1], "NaN": "NaN, -Infinity"}';
    expect(parse(text, { nonFinite: true })).toEqual({
      a: NaN,
      b: [Infinity, -Infinity, -1],
      NaN: 'NaN, -Infinity',
    });
    expect(() => parse(text)).toThrow('not JSON');
    expect(() => parse('{"a": Nanny}', { nonFinite: true })).toThrow('not JSON');
  });

  it.each([
    ['nests 200,000 deep', `${'['.repeat(200_000)}${']'.repeat(200_000)}`, 'nested'],
    ['nests 1,000,000 objects', `${'{"a":'.repeat(1e6)}1${'}'.repeat(1e6)}`, 'nested'],
    ['has too many values', `[${'1,'.repeat(2e6)}1]`, 'more than 1000000 values'],
    ['is too long', 'x'.repeat(1e8 + 1), 'characters'],
    [
      'has an object of 1,000,000 names',
      `{${Array.from({ length: 1e6 }, (_, i) => `"k${i}":0`).join()}}`,
      'more than 100000 names',
    ],
    ['has an unterminated string', `{"a": "${'\\"'.repeat(4e6)}}`, 'no end'],
    [
      'is a Git LFS pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n',
      'Git LFS pointer',
    ],
    ['is a web page', '\n<!DOCTYPE html><html>', 'web page'],
    ['is empty', '', 'empty'],
    ['is UTF-16', '{\0"\0', 'UTF-16'],
  ])('is refused within five seconds if it %s', (_, text, reason) => {
    const startMs = performance.now();
    expect(() => parse(text)).toThrow(reason);
    expect(performance.now() - startMs).toBeLessThan(5000);
  });

  it('is not taken for a file if it is none', () => {
    expect(() => parse('', { isFile: false })).toThrow('not JSON');
    expect(() => parse('<html>', { isFile: false })).toThrow('not JSON');
  });

  it('is read in time if it is 8 MB of escapes', () => {
    const escapes = '\\n'.repeat(4e6);
    expect(parse(`{"a":"${escapes}"}`)).toEqual({ a: '\n'.repeat(4e6) });
    expect(parse(`{"${escapes}":1}`)).toHaveProperty('\n'.repeat(4e6));
  });
});

describe('A value in a complaint', () => {
  it('is abbreviated JSON', () => {
    expect(show({ a: [1, 'x', null] })).toBe('{"a":[1,"x",null]}');
    expect(show('x'.repeat(100))).toHaveLength(61);
    expect(show(undefined)).toBe('nothing');
    expect(show(NaN)).toBe('NaN');
  });

  it('may have any size and depth', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 300_000; i++) deep = [deep];
    expect(show(deep)).toHaveLength(61);
    expect(show(new Array(1e7).fill(1))).toHaveLength(61);
  });
});
