import { describe, expect, it } from 'vitest';
import { attempt } from '../../../worker/outcome.ts';
import { brief, HostileFields, show } from '../../../worker/hostile-fields.ts';
import { parseHostileJson } from '../../../worker/hostile-json.ts';

describe('A refusal', () => {
  it('escapes what hides or turns the words beside it, in the name of a field and in its value', () => {
    const fields = new HostileFields({ 'x\u202e': 'a\u2066b\u200b\u2028c' }, { file: 'config.json' });
    expect(attempt(() => fields.number('x\u202e'))).toMatchObject({
      failure: { field: 'x\\u{202e}', reason: '"a\\u{2066}b\\u{200b}\\u{2028}c" is not a number' },
    });
  });

  it('escapes them too if it shows a value on its own, or quotes what is no JSON', () => {
    expect(show({ a: '\u202eb' })).toBe('{"a":"\\u{202e}b"}');
    const limits = { length: 99, values: 9, names: 9, nonFinite: false, isFile: false };
    expect(() => parseHostileJson('\u202eab', limits)).toThrow(/\\u\{202e\}/);
  });

  it('keeps letters of every script, and is short', () => {
    expect(brief('שלום 中文 é 🦊')).toBe('שלום 中文 é 🦊');
    expect(brief('\u202e'.repeat(1000)).length).toBeLessThan(400 * 8 + 10);
  });
});
