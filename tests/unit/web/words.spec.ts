import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'svelte/compiler';
import { expect, it } from 'vitest';
import { meanings } from '../../../web/meaning/meanings.ts';

/** Attributes whose value is shown or spoken. */
const SPOKEN = new Set([
  ...['label', 'title', 'summary', 'text', 'advice', 'hint'],
  ...['alt', 'placeholder', 'aria-label', 'aria-roledescription', 'aria-description'],
]);

const components = readdirSync('web', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.svelte'))
  .map((file) => join('web', file));

/** Text that a component says by itself: between its tags, or in an attribute that is shown or spoken. */
function wordsIn(source: string): readonly string[] {
  const found: string[] = [];
  const visit = (node: unknown, heard: boolean): void => {
    if (Array.isArray(node)) for (const each of node) visit(each, heard);
    if (typeof node !== 'object' || node === null || Array.isArray(node)) return;
    const { type, name, data, ...rest } = node as Readonly<Record<string, unknown>>;
    // Keys keep their names in every language.
    if (type === 'Comment' || (type === 'RegularElement' && name === 'kbd')) return;
    if (type === 'Text' && typeof data === 'string' && heard && /\p{L}{2}/u.test(data)) {
      found.push(data.trim());
    }
    const isAttribute = type === 'Attribute' || type === 'StyleDirective';
    const spoken = isAttribute ? SPOKEN.has(String(name)) : heard;
    for (const value of Object.values(rest)) visit(value, spoken);
  };
  visit(parse(source, { modern: true }).fragment, true);
  return found;
}

it('The parser finds text between tags and in labels, and no other', () => {
  expect(
    wordsIn(
      '<p class="of it" title="Say {x}">Hello <kbd>Enter</kbd><b aria-label={words.b}>{words.c}</b></p>',
    ),
  ).toEqual(['Say', 'Hello']);
});

it.each(components)('%s takes its words from a file of words', (file) => {
  // The page's name is the same everywhere; titles of figures are keys of the explanations.
  const known = new Set(['kvtab', ...Object.keys(meanings)]);
  expect(wordsIn(readFileSync(file, 'utf8')).filter((text) => !known.has(text))).toEqual([]);
});
