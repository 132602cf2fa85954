import { fileOf } from '../worker/safetensors-file.ts';
import { deepArray, deepObject, withFiles, type HostileCase } from './hostile-case.ts';
import { tensorNames, weights } from './tiny-model.ts';

const INDEX = 'model.safetensors.index.json';
const entry = (shape: readonly number[]) => JSON.stringify({ dtype: 'F32', shape, data_offsets: [0, 0] });
const header = (json: string, dataBytes = 0) => whole(fileOf(json, dataBytes));
const whole = (content: Uint8Array<ArrayBuffer>) => () => withFiles({ 'model.safetensors': content });
const index = (json: string) => () => withFiles({ 'model.safetensors': null, [INDEX]: json });
const text = (content: string) => new TextEncoder().encode(content);

const headerBytes = Number(new DataView(weights.buffer).getBigUint64(0, true));
const entries = JSON.parse(new TextDecoder().decode(weights.subarray(8, 8 + headerBytes))) as Record<
  string,
  { dtype: string; shape: readonly number[]; data_offsets: readonly [number, number] }
>;
const data = weights.slice(8 + headerBytes);

/** The weights with every entry of the header changed. */
const edited = (edit: (entry: (typeof entries)[string]) => object, bytes = data) =>
  whole(
    fileOf(
      JSON.stringify(Object.fromEntries(Object.entries(entries).map(([name, e]) => [name, edit(e)]))),
      bytes,
    ),
  );

/** The weights with numbers of a tensor replaced: one, or all of them. */
const withNumber =
  (name: string, value: number, which: 'one' | 'all' = 'one') =>
  () => {
    const spoiled = weights.slice();
    const view = new DataView(spoiled.buffer, 8 + headerBytes);
    const [begin, end] = entries[name]?.data_offsets ?? [NaN, NaN];
    for (let at = begin; at < end; at += 4) {
      if (which === 'all' || at === begin + 4 * 5) view.setFloat32(at, value, true);
    }
    return withFiles({ 'model.safetensors': spoiled });
  };

/** Models whose weights or index are hostile. */
export const hostileWeights: readonly HostileCase[] = [
  {
    name: 'a shape nested 200,000 deep',
    files: header(`{"a":{"shape":${deepArray(200_000)}}}`),
    expected: /nested/,
  },
  { name: 'an entry nested 1,000,000 deep', files: header(`{"a":${deepObject(1e6)}}`), expected: /nested/ },
  {
    name: '10 MB of escapes in __metadata__',
    files: header(`{"__metadata__":{"a":"${'\\n'.repeat(5e6)}"}}`),
    expected: /no tensor model\.embed_tokens/,
  },
  {
    name: '40 MB of escapes in __metadata__',
    files: header(`{"__metadata__":{"a":"${'\\n'.repeat(20e6)}"}}`),
    expected: /header is said to have 40000025 bytes/,
  },
  {
    name: '1,000,000 names in __metadata__',
    files: header(`{"__metadata__":{${Array.from({ length: 1e6 }, (_, i) => `"k${i}":""`).join()}}}`),
    expected: /model\.safetensors.*more than 100001 names/,
  },
  {
    name: '400,000 empty tensors',
    files: header(`{${Array.from({ length: 4e5 }, (_, i) => `"t${i}":${entry([0])}`).join()}}`),
    expected: /model\.safetensors.*more than/,
  },
  {
    name: '99,000 empty tensors',
    files: header(`{${Array.from({ length: 99_000 }, (_, i) => `"t${i}":${entry([0])}`).join()}}`),
    expected: /no tensor model\.embed_tokens/,
  },
  {
    name: 'a shape of 600,000 axes',
    files: header(`{"a":{"dtype":"U8","shape":[${'1,'.repeat(6e5)}1],"data_offsets":[0,1]}}`, 1),
    expected: /axes/,
  },
  { name: 'a header of 31 MB of spaces', files: header(`{${' '.repeat(31e6)}}`), expected: /no tensor/ },
  {
    name: 'empty tensors',
    files: edited((e) => ({ ...e, shape: e.shape.map(() => 0), data_offsets: [0, 0] }), new Uint8Array()),
    expected: /shape \[0,0\], not/,
  },
  {
    name: 'integers in place of numbers',
    files: edited((e) => ({ ...e, dtype: 'I32' })),
    expected: /stored as I32/,
  },
  {
    name: 'a dtype from Object',
    files: edited((e) => ({ ...e, dtype: 'constructor' })),
    expected: /no dtype "constructor"/,
  },
  {
    name: 'offsets that run backwards',
    files: edited((e) => ({ ...e, data_offsets: [8, 4] })),
    expected: /backwards/,
  },
  {
    name: 'tensors that overlap',
    files: edited((e) => ({ ...e, data_offsets: [0, e.data_offsets[1] - e.data_offsets[0]] })),
    expected: /overlaps/,
  },
  {
    name: 'offsets beyond 2^53',
    files: header('{"a":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,9007199254740993]}}'),
    expected: /not an array of whole numbers/,
  },
  {
    name: 'a shape whose product overflows',
    files: header('{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,1]}}', 1),
    expected: /more elements than can be counted/,
  },
  {
    name: 'a tensor twice',
    files: header(`{"a":${entry([0])},"a":${entry([0])}}`),
    expected: /names "a" twice/,
  },
  { name: 'a header of 2^63 bytes', files: whole(fileOf('{}', 0, 2n ** 63n)), expected: /header is said/ },
  {
    name: 'a header longer than the file',
    files: whole(fileOf('{}', 0, 1000n)),
    expected: /the file has 10/,
  },
  { name: 'a header that is an array', files: header('[]'), expected: /does not start with/ },
  {
    name: 'a header that is no UTF-8',
    files: whole(fileOf(Uint8Array.of(0x7b, 0xff, 0x7d))),
    expected: /UTF-8/,
  },
  { name: 'seven bytes', files: whole(new Uint8Array(7)), expected: /7 bytes, not even a header/ },
  { name: 'a file that is cut short', files: whole(weights.slice(0, -100)), expected: /cut short/ },
  {
    name: 'bytes after the end',
    files: whole(fileOf(JSON.stringify(entries), data.length + 3)),
    expected: /3 bytes after/,
  },
  {
    name: 'a Git LFS pointer',
    files: whole(text('version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 99\n')),
    expected: /Git LFS pointer/,
  },
  { name: 'a web page', files: whole(text('<html><body>Please log in</body></html>')), expected: /web page/ },
  {
    name: 'a zip archive of PyTorch',
    files: whole(text('PK\u0003\u0004 archive/data.pkl')),
    expected: /zip archive/,
  },
  { name: 'GGUF', files: whole(text('GGUF\u0003\u0000\u0000\u0000')), expected: /GGUF/ },
  {
    name: 'a NaN in the embedding',
    files: withNumber('model.embed_tokens.weight', NaN),
    expected: /NaN or an infinity in row 0, column 5/,
  },
  {
    name: 'an infinity in a projection',
    files: withNumber('model.layers.1.self_attn.q_proj.weight', -Infinity),
    expected: /q_proj\.weight has a NaN or an infinity/,
  },
  {
    name: 'a norm of 3e38',
    files: withNumber('model.norm.weight', 3e38, 'all'),
    expected: /logits are not finite/,
  },
  {
    name: 'an embedding of 3e38',
    files: withNumber('model.embed_tokens.weight', 3e38, 'all'),
    expected: 'loads',
  },
  {
    name: 'an index of 1,000,000 shards',
    files: index(
      `{"weight_map":{${Array.from({ length: 1e6 }, (_, i) => `"t${i}":"s${i}.safetensors"`).join()}}}`,
    ),
    expected: /index\.json.*more than/,
  },
  {
    name: 'an index of 6000 shards',
    files: index(
      `{"weight_map":{${Array.from({ length: 6000 }, (_, i) => `"t${i}":"s${i}.safetensors"`).join()}}}`,
    ),
    expected: /6000 shards/,
  },
  {
    name: 'an index of a file that is not there',
    files: index('{"weight_map":{"model.norm.weight":"model.safetensors"}}'),
    expected: /names model\.safetensors, which is not there/,
  },
  {
    name: 'an index that leaves the folder',
    files: index('{"weight_map":{"a":"../../secret.safetensors"}}'),
    expected: /not the name of a shard/,
  },
  {
    name: 'an index with a name of a million letters',
    files: index(`{"weight_map":{"a":"${'a'.repeat(1e6)}.safetensors"}}`),
    expected: /not the name of a shard/,
  },
  {
    name: 'an index nested 200,000 deep',
    files: index(`{"weight_map":{"a":${deepArray(200_000)}}}`),
    expected: /nested/,
  },
  { name: 'an index of nothing', files: index('{"weight_map":{}}'), expected: /names no tensor/ },
  { name: 'an index without a map', files: index('{}'), expected: /no weight_map/ },
  {
    name: 'an index whose shard is no safetensors',
    files: () =>
      withFiles({
        ...index(`{"weight_map":{${JSON.stringify(tensorNames[0])}:"a.safetensors"}}`)(),
        'a.safetensors': 'nothing of the kind, but long enough',
      }),
    expected: /a\.safetensors cannot be used/,
  },
  {
    name: 'no weights at all',
    files: () => withFiles({ 'model.safetensors': null }),
    expected: /model\.safetensors is missing/,
  },
  {
    name: 'weights of llama.cpp alone',
    files: () => withFiles({ 'model.safetensors': null, 'model.gguf': 'GGUF' }),
    expected: /model\.gguf is GGUF/,
  },
];
