import { describe, expect, it } from 'vitest';
import { mistakenFor } from '../../../worker/file-kind.ts';
import { textOfOwnFile } from '../../../worker/laboratory/own-file.ts';
import { openFilesSource } from '../../../worker/loader/files-source.ts';

const json = '{"name":"é"}';
const utf16 = (bigEndian: boolean, mark: boolean) => {
  const units = Array.from((mark ? '\uFEFF' : '') + json, (character) => character.charCodeAt(0));
  return Uint8Array.from(units.flatMap((u) => (bigEndian ? [u >> 8, u & 255] : [u & 255, u >> 8])));
};
const latin1 = Uint8Array.from(json, (character) => character.charCodeAt(0));
const utf8 = new TextEncoder();

const read = (file: string, bytes: Uint8Array<ArrayBuffer>) =>
  openFilesSource(new Map([[file, new Blob([bytes])]])).text(file);

describe('JSON of a model', () => {
  it.each([
    ['UTF-16 with a mark', utf16(false, true), 'it is UTF-16, not UTF-8'],
    ['UTF-16 with a mark, the high byte first', utf16(true, true), 'it is UTF-16, not UTF-8'],
    ['UTF-16 without a mark', utf16(false, false), 'it is UTF-16, not UTF-8'],
    ['Latin-1', latin1, 'it is not text in UTF-8; save it in that encoding'],
    ['UTF-8 that ends within a character', utf8.encode(json).slice(0, 10), 'it is not text in UTF-8'],
    ['gzip', Uint8Array.from([0x1f, 0x8b, 8, 0]), 'it is compressed with gzip'],
    ['a surrogate as UTF-8', Uint8Array.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'it is not text in UTF-8'],
  ])('is refused if it is %s', async (_, bytes, reason) => {
    const failing = { failure: { code: 'unreadable-file', file: 'config.json' } };
    const reading = read('config.json', Uint8Array.from(bytes));
    await expect(reading).rejects.toMatchObject(failing);
    await expect(reading).rejects.toThrow(reason);
  });

  it.each([
    ['UTF-8', utf8.encode(json)],
    ['UTF-8 with a mark, which is left out', utf8.encode(`\uFEFF${json}`)],
  ])('is read if it is %s', async (_, bytes) => {
    expect(await read('config.json', bytes)).toBe(json);
  });

  it('may hold a written U+FFFD, as vocabularies do', async () => {
    expect(await read('tokenizer.json', utf8.encode('{"\uFFFD":0}'))).toBe('{"\uFFFD":0}');
  });
});

describe('a text that somebody measures or trains on', () => {
  const words = 'Es war einmal ein König';
  const units = (text: string) => Uint8Array.from(Array.from(text, (c) => [c.charCodeAt(0), 0]).flat());

  it.each([
    ['Latin-1', Uint8Array.from(words, (c) => c.charCodeAt(0)), 'it is not text in UTF-8; save it in that'],
    ['UTF-16 with a mark', Uint8Array.from([0xff, 0xfe, ...units('Es war')]), 'it is UTF-16, not UTF-8'],
    ['UTF-16 without a mark', units('Es war einmal'), 'it is not text in UTF-8'],
    ['UTF-8 that ends within a character', utf8.encode('König').slice(0, 2), 'it is not text in UTF-8'],
    ['a picture', Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a]), 'it is not text in UTF-8'],
  ])('is refused by name if it is %s', (_, bytes, reason) => {
    expect(() => textOfOwnFile('tale.txt', bytes)).toThrow(reason);
    expect(() => textOfOwnFile('tale.txt', bytes)).toThrow('"field":"tale.txt"');
  });

  it('keeps a byte order mark, as Python does', () => {
    expect(textOfOwnFile('tale.txt', utf8.encode(`\uFEFF${words}`))).toBe(`\uFEFF${words}`);
    expect(textOfOwnFile('tale.txt', new Uint8Array(0))).toBe('');
  });
});

it('a text that was decoded from another encoding is known by its start', async () => {
  for (const bytes of [utf16(false, true), utf16(true, true)]) {
    expect(mistakenFor(await new Blob([bytes]).text())).toBe('it is UTF-16, not UTF-8');
  }
  const packed = await new Blob([Uint8Array.from([0x1f, 0x8b, 8])]).text();
  expect(mistakenFor(packed)).toContain('gzip');
});
