/** Edited links, and what may become of them. */
import { expect } from 'vitest';
import { decodeHash, encodeHash } from '../../../web/settings/hash.ts';
import { defaultConfig } from '../../../web/settings/settings.ts';
import { settings, type SettingKey } from '../../../worker/settings/settings.ts';
import { complaintAbout } from '../../../worker/settings/values.ts';
import known from '../../fixtures/settings/links.json' with { type: 'json' };
import { edits, editText } from './edits.ts';
import { expectReadable } from '../hostile/expect-readable.ts';
import type { End } from './fuzz.ts';
import { fc } from '../../support/seeded-properties.ts';

const field = fc.tuple(
  fc.oneof(
    fc.constantFrom(...Object.values(settings).map(({ link }) => link), 'v', 'omits', '__proto__'),
    fc.string(),
  ),
  fc.oneof(
    fc.constantFrom(
      '',
      '0',
      '-1',
      '1e9',
      '1e999',
      'NaN',
      '٣',
      'true',
      '0_1_2',
      '%',
      '%ff',
      '%F0%9F%98%80',
      '+',
    ),
    fc.string({ unit: 'binary' }),
    fc.nat(200_000).map((length) => '9'.repeat(length)),
  ),
);

export const links: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...known.links.map(({ hash }) => hash)), edits(4))
    .map(([hash, changes]) => changes.reduce(editText, hash)),
  fc
    .array(field, { maxLength: 30 })
    .map((fields) => `#v=1&${fields.map((pair) => pair.join('=')).join('&')}`),
);

/** A link gives settings that the form would take, and says of everything else that it was not understood. */
export function checkLink(link: string): End {
  const { values, complaints } = decodeHash(link);
  for (const [key, value] of Object.entries(values)) {
    expect(Object.keys(settings)).toContain(key);
    expect(complaintAbout(settings[key as SettingKey], value)).toBeNull();
  }
  expect(complaints.length).toBeLessThan(30);
  expect(complaints.join('').length).toBeLessThan(10_000);
  expectReadable(complaints.join('\n'));
  const opened = { ...defaultConfig, ...values };
  expect({ ...defaultConfig, ...decodeHash(encodeHash(opened, null)).values }).toEqual(opened);
  return complaints.length === 0 ? 'ran' : 'had complaints';
}
