import { expect, it } from 'vitest';
import { privateNames } from '../../../tools/check/private-names.mjs';

/** Joined here, so that this file does not itself contain the names that it tests. */
const slash = '/';

it.each([
  ['a folder below the home of root', `see ${slash}root/notes.txt`],
  ['a home', `cd ${slash}home/someone`],
  ['a workplace', `"${slash}work/main/gpu"`],
  ['a Windows home', ['C:', 'Users', 'someone'].join('\\')],
  ['a registry’s host', ['https:', '', ['registry', 'npmjs', 'org'].join('.'), 'x'].join(slash)],
  ['a resolved package', ['"resolved":', '"https:'].join(' ')],
  ['a note next to the project', ['as shared', 'notes.md says'].join(slash)],
  ['a folder next to the project', ['see ..', 'shared', 'golden'].join(slash)],
])('A text with %s is reported', (_, text) => {
  expect(privateNames(`fine\n${text}`)).toEqual([{ line: 2, what: expect.any(String) as string }]);
});

it.each([
  'https://example.org/home/page',
  'gpu/work/plan.ts',
  './root/x',
  '/usr/share/vulkan/icd.d',
  'split /work and /rest',
  'gpu/shared/rows.ts',
  'shared, and private',
])('The text %j is not reported', (text) => {
  expect(privateNames(text)).toEqual([]);
});
