import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend, ModelWeights } from '../../../gpu/backend.ts';
import { storedRowBytes } from '../../../gpu/numbers/matrix-format.ts';
import { openCpuBackend } from '../../../gpu/reference/backend.ts';
import { BadHeader, headerLength, parseHeader } from '../../../worker/loader/safetensors.ts';
import { Refused } from '../../../worker/outcome.ts';
import { fileOfTensors } from './safetensors-file.ts';
import { memorySource } from './sources.ts';
import { load, shardsOf, specs, tensorsOf } from './tiny-checkpoint.ts';

/** A million in `npm run test:nightly`. */
const mutations = Number(process.env['KVTAB_MUTATIONS'] ?? 10_000);
const longestMs = 2000 + mutations * 3;

/** What a mutated header may hold: numbers at the limits of counting, and JSON in the wrong place. */
const snippets = [
  ...['0', '-1', '1e9', '1.5', '9007199254740993', '18446744073709551616', '1e999', 'null', '{}', '[]', '""'],
  ...[
    '"F32"',
    '"BF16"',
    '"I64"',
    '"F4"',
    '"F31"',
    '"dtype":',
    '"shape":',
    '"data_offsets":',
    '"__proto__":{},',
  ],
  ...[
    '"__metadata__":{},',
    '{"a":',
    ',',
    ':',
    '"',
    '\\',
    '\u0000',
    '\uFEFF',
    '[[[[',
    '}}',
    ' ',
    '../',
    'a.safetensors',
  ],
].map((text) => new TextEncoder().encode(text));

const lengths = [0n, 1n, 2n, 8n, 100_000_000n, 100_000_001n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

type Edit = (file: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A position in a file, more often near its beginning, where the header is. */
const place = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.boolean()).map(
  ([share, near]) =>
    (file: Uint8Array) =>
      Math.floor(share * Math.min(file.length, near ? 600 : Infinity)),
);

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(place, fc.nat(255)).map(([at, byte]): Edit => (file) => {
    const changed = file.slice();
    if (changed.length > 0) changed[at(file)] = byte;
    return changed;
  }),
  fc.tuple(place, fc.nat(30)).map(
    ([at, count]): Edit =>
      (file) =>
        join(file.subarray(0, at(file)), file.subarray(at(file) + count)),
  ),
  fc.tuple(place, fc.nat(60)).map(
    ([at, count]): Edit =>
      (file) =>
        join(file.subarray(0, at(file) + count), file.subarray(at(file))),
  ),
  fc.tuple(place, fc.nat(8), fc.constantFrom(...snippets)).map(
    ([at, over, snippet]): Edit =>
      (file) =>
        join(file.subarray(0, at(file)), snippet, file.subarray(at(file) + over)),
  ),
  place.map(
    (at): Edit =>
      (file) =>
        file.slice(0, at(file)),
  ),
  fc.constantFrom(...lengths).map((length): Edit => (file) => {
    const changed = file.slice();
    if (changed.length >= 8) new DataView(changed.buffer).setBigUint64(0, length, true);
    return changed;
  }),
);

/** One to three edits, and sometimes a header length that fits the result. */
const mutation = fc
  .tuple(fc.array(edit, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([edits, repaired]) => (file: Uint8Array<ArrayBuffer>) => {
    const changed = edits.reduce((bytes, change) => change(bytes), file);
    return repaired ? withTrueLength(changed, file.length) : changed;
  });

function withTrueLength(changed: Uint8Array<ArrayBuffer>, lengthBefore: number): Uint8Array<ArrayBuffer> {
  if (changed.length < 8) return changed;
  const fitted = changed.slice();
  const view = new DataView(fitted.buffer);
  const said = view.getBigUint64(0, true) + BigInt(changed.length - lengthBefore);
  if (said >= 0n) view.setBigUint64(0, said, true);
  return fitted;
}

/** A backend that accepts every complete tensor, and records which ones came. */
function countingBackend() {
  const received = new Map<string, number>();
  const { adapter } = openCpuBackend();
  const backend: Backend = {
    adapter,
    allocatedBytes: 0,
    destroy: () => undefined,
    allocate: ({ storedAs }) => {
      const weights: ModelWeights = {
        bytes: 0,
        put: (spec, _, bytes) => {
          const elements = (bytes.length / storedRowBytes(storedAs(spec), spec.cols)) * spec.cols;
          received.set(spec.name, (received.get(spec.name) ?? 0) + elements);
          return Promise.resolve();
        },
        ready: () => Promise.resolve(),
        open: () => Promise.reject(new Error('nothing is computed here')),
        free: () => undefined,
      };
      return Promise.resolve(weights);
    },
  };
  return { backend, received };
}

const bitsOf: Readonly<Record<string, number>> = {
  F64: 64,
  F32: 32,
  F16: 16,
  BF16: 16,
  I64: 64,
  F4: 4,
  BOOL: 8,
};

describe(`${mutations} random mutations`, () => {
  it(
    'of a safetensors file are refused with a reason, or leave every tensor its own bytes',
    () => {
      const file = fileOfTensors(new Map([...tensorsOf()].slice(0, 5)));
      fc.assert(
        fc.property(mutation, (mutate) => {
          const mutated = mutate(file);
          let table;
          try {
            const length = headerLength(mutated.subarray(0, 8), mutated.length);
            table = parseHeader(mutated.subarray(8, 8 + length), mutated.length);
          } catch (error) {
            expect(error).toBeInstanceOf(BadHeader);
            expect((error as BadHeader).message.length).toBeGreaterThan(10);
            return;
          }
          let end = 0;
          for (const tensor of [...table.tensors.values()].sort(
            (a, b) => a.begin - b.begin || a.end - b.end,
          )) {
            expect(tensor.begin).toBe(end);
            end = tensor.end;
            const elements = tensor.shape.reduce((product, length) => product * length, 1);
            const bits = bitsOf[tensor.dtype];
            if (bits !== undefined) expect((tensor.end - tensor.begin) * 8).toBe(elements * bits);
          }
          expect(table.dataBytes).toBe(end);
        }),
        { numRuns: mutations },
      );
    },
    longestMs,
  );

  it(
    'of one file, a shard or an index are refused by the name of a file, or load completely',
    async () => {
      type Files = Readonly<Record<string, Uint8Array<ArrayBuffer> | string>>;
      const shards: Files = shardsOf(tensorsOf());
      const asBytes = (file: Files[string]) =>
        typeof file === 'string' ? new TextEncoder().encode(file) : file;
      const whole: Files = { 'model.safetensors': fileOfTensors(tensorsOf()) };
      const victims = [
        { files: whole, victim: 'model.safetensors' },
        ...Object.keys(shards).map((victim) => ({ files: shards, victim })),
      ];

      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...victims),
          mutation,
          fc.boolean(),
          async ({ files, victim }, mutate, sizesKnown) => {
            const mutated = { ...files, [victim]: mutate(asBytes(files[victim] ?? '')) };
            const { backend, received } = countingBackend();
            try {
              await load(memorySource(mutated, { chunkBytes: 2 ** 20, sizesKnown }), backend);
            } catch (error) {
              expect(error).toBeInstanceOf(Refused);
              const { failure } = error as Refused;
              expect(failure).toMatchObject({ code: 'bad-weights' });
              expect(Object.keys(files)).toContain((failure as { file: string }).file);
              return;
            }
            for (const { name, rows, cols } of specs) expect(received.get(name)).toBe(rows * cols);
          },
        ),
        { numRuns: mutations },
      );
    },
    longestMs,
  );
});
