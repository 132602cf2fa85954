import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { BadHeader, headerLength, parseHeader } from '../../../worker/loader/safetensors.ts';
import { fileOf, fileOfTensors } from './safetensors-file.ts';
import { fc } from '../../support/seeded-properties.ts';

/** Reads the header of a file the way the loader does. */
function read(file: Uint8Array, fileBytes: number | null = file.length) {
  const length = headerLength(file.subarray(0, 8), fileBytes);
  return parseHeader(file.subarray(8, 8 + length), fileBytes);
}

const entry = (offsets: unknown = [0, 8], shape: unknown = [2], dtype: unknown = 'F32') =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });
const withTensor = (json: string) => `{"a":${json}}`;

describe('a safetensors header', () => {
  it('of a shipped model names its tensors in order and without gaps', async () => {
    const table = read(await readFile('public/models/fairy-lckv/model.safetensors'));
    expect(table.tensors.get('model.embed_tokens.weight')).toEqual({
      name: 'model.embed_tokens.weight',
      dtype: 'F16',
      shape: [2048, 192],
      begin: 0,
      end: 786432,
    });
  });

  it('is read back as written', () => {
    const names = fc.uniqueArray(
      fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'a"b\\')),
      {
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(names, fc.array(fc.nat(5), { maxLength: 3 }), (given, shape) => {
        const tensorNames = given.filter((name) => name !== '__metadata__' && name !== '__proto__');
        const bytes = new Uint8Array(shape.reduce((product, length) => product * length, 2));
        const tensors = new Map(tensorNames.map((name) => [name, { dtype: 'BF16', shape, bytes }]));
        const table = read(fileOfTensors(tensors));
        expect([...table.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
        for (const tensor of table.tensors.values()) expect(tensor.shape).toEqual(shape);
        expect(table.dataBytes).toBe(bytes.length * tensors.size);
      }),
    );
  });

  it('may call a tensor __proto__', () => {
    const table = read(fileOf(`{"__proto__":${entry()},"constructor":${entry([8, 16])}}`, 16));
    expect([...table.tensors.keys()].sort()).toEqual(['__proto__', 'constructor']);
  });

  it('may hold scalars, empty tensors, types that no decoder uses, and metadata', () => {
    const table = read(
      fileOf(
        `{"__metadata__":{"format":"pt"},"s":${entry([0, 8], [], 'I64')},"e":${entry([8, 8], [0, 3])},"b":${entry([8, 9], [1], 'BOOL')}}`,
        9,
      ),
    );
    expect(table.tensors.size).toBe(3);
    expect(table.dataBytes).toBe(9);
  });

  it('may be padded with spaces at its end, and start its data anywhere', () => {
    expect(read(fileOf(`${withTensor(entry())}   `, 8)).dataBytes).toBe(8);
  });

  const deep = `{"a":${'['.repeat(100_000)}`;
  it.each([
    ['an empty file', new Uint8Array(), /0 bytes/],
    ['fewer than 8 bytes', new Uint8Array(7), /7 bytes/],
    ['a header longer than the file', fileOf('{}', 0, 100n), /100 bytes, the file has 10/],
    ['a header of more than 32 MB', fileOf('{}', 0, 32_000_001n), /32000001/],
    ['a length of 2^63', fileOf('{}', 0, 2n ** 63n), /9223372036854775808/],
    ['a length of 2^64 - 1', fileOf('{}', 0, 2n ** 64n - 1n), /18446744073709551615/],
    ['no header at all', fileOf(''), /0 bytes/],
    ['a header that is not UTF-8', fileOf(new Uint8Array([0x7b, 0xff, 0x7d])), /UTF-8/],
    ['a byte order mark', fileOf('\uFEFF{}'), /start with/],
    ['a header that is not JSON', fileOf('{"a":}'), /not JSON/],
    ['a header that nests too deep', fileOf(deep), /nested/],
    ['an array', fileOf('[]'), /start with/],
    ['null', fileOf('null'), /start with/],
    ['trailing garbage in the header', fileOf('{}x'), /not JSON/],
    ['leading spaces', fileOf(' {}'), /start with/],
    ['a tensor named twice', fileOf(`{"a":${entry()},"b":1,"\\u0061":${entry()}}`, 8), /"a" twice/],
    ['a field named twice', fileOf('{"a":{"dtype":"F32","dtype":"F32"}}'), /"dtype" twice/],
    ['metadata that are not strings', fileOf('{"__metadata__":{"a":1}}'), /__metadata__/],
    ['an entry that is not an object', fileOf(withTensor('7')), /"a".*object/],
    ['no dtype', fileOf(withTensor('{"shape":[2],"data_offsets":[0,8]}'), 8), /"a".*dtype/],
    ['no shape', fileOf(withTensor('{"dtype":"F32","data_offsets":[0,8]}'), 8), /"a".*shape/],
    ['no offsets', fileOf(withTensor('{"dtype":"F32","shape":[2]}'), 8), /"a".*data_offsets/],
    [
      'inherited fields instead of its own',
      fileOf(withTensor('{"__proto__":{"dtype":"F32"}}')),
      /"a".*dtype/,
    ],
    ['offsets that run backwards', fileOf(withTensor(entry([8, 0])), 8), /backwards/],
    ['negative offsets', fileOf(withTensor(entry([-8, 0])), 8), /-8/],
    ['broken offsets', fileOf(withTensor(entry([0, 7.5])), 8), /7.5/],
    [
      'offsets beyond 2^53',
      fileOf(withTensor('{"dtype":"F32","shape":[2],"data_offsets":[0,9007199254740993]}'), 8),
      /two whole/,
    ],
    ['three offsets', fileOf(withTensor(entry([0, 4, 8])), 8), /two whole/],
    ['offsets that are not numbers', fileOf(withTensor(entry(['0', '8'])), 8), /two whole/],
    ['a gap before the first tensor', fileOf(withTensor(entry([8, 16])), 16), /bytes 0 to 8/],
    ['a gap', fileOf(`{"a":${entry()},"b":${entry([12, 20])}}`, 20), /bytes 8 to 12.*"b"/],
    ['an overlap', fileOf(`{"a":${entry()},"b":${entry([4, 12])}}`, 12), /"b" overlaps/],
    ['the same bytes twice', fileOf(`{"a":${entry()},"b":${entry()}}`, 8), /overlaps/],
    ['bytes of no tensor at the end', fileOf(withTensor(entry()), 12), /4 bytes after/],
    ['its own header twice', fileOf('{}', fileOf('{}')), /10 bytes after/],
    ['less data than tensors', fileOf(withTensor(entry()), 7), /cut short: 7 of 8/],
    ['a size that is not shape × dtype', fileOf(withTensor(entry([0, 8], [3])), 8), /takes 12/],
    ['a shape that overflows', fileOf(withTensor(entry([0, 0], [2 ** 40, 2 ** 40])), 0), /counted/],
    [
      'a shape that overflows before a zero',
      fileOf(withTensor(entry([0, 0], [2 ** 40, 2 ** 40, 0])), 0),
      /counted/,
    ],
    ['a negative length', fileOf(withTensor(entry([0, 8], [-1, -2])), 8), /shape/],
    ['a shape that is not an array', fileOf(withTensor(entry([0, 8], 2)), 8), /shape/],
    ['an unknown dtype', fileOf(withTensor(entry([0, 8], [2], 'F31')), 8), /"F31"/],
    [
      'a dtype that is a prototype property',
      fileOf(withTensor(entry([0, 8], [2], 'constructor')), 8),
      /"constructor"/,
    ],
    ['a dtype that is not a string', fileOf(withTensor(entry([0, 8], [2], 32)), 8), /dtype 32/],
  ])('is refused, with the place, if it has %s', (_, file, message) => {
    expect(() => read(file)).toThrow(BadHeader);
    expect(() => read(file)).toThrow(message);
  });

  it('never makes the parser throw anything but a refusal', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.jsonValue().map((v) => withTensor(JSON.stringify(v))),
        ),
        (json) => {
          try {
            read(fileOf(json));
          } catch (error) {
            expect(error).toBeInstanceOf(BadHeader);
          }
        },
      ),
    );
  });
});
