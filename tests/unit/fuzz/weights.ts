/** Spoiled safetensors files and indices, and what may become of them. */
import { expect } from 'vitest';
import type { Backend, ModelWeights } from '../../../gpu/backend.ts';
import { toFloat32 } from '../../../gpu/numbers/element-type.ts';
import { isQuantized, storedRowBytes } from '../../../gpu/numbers/matrix-format.ts';
import { openCpuBackend } from '../../../gpu/reference/backend.ts';
import { BadHeader, headerLength, parseHeader } from '../../../worker/loader/safetensors.ts';
import type { ModelSource } from '../../../worker/loader/model-source.ts';
import { Refused } from '../../../worker/outcome.ts';
import { fileOfTensors } from '../worker/safetensors-file.ts';
import { memorySource } from '../worker/sources.ts';
import { load, shardsOf, specs, tensorsOf } from '../worker/tiny-checkpoint.ts';
import { editBytes, edits, type Edit } from './edits.ts';
import { expectReadable } from '../hostile/expect-readable.ts';
import type { End } from './fuzz.ts';
import { fc } from '../../support/seeded-properties.ts';

const lengths = [0n, 1n, 2n, 8n, 100_000_000n, 100_000_001n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

interface Spoiling {
  readonly changes: readonly Edit[];
  /** What the header's length is: as it was, fitting the edited file, or this. */
  readonly length: 'as it was' | 'fitting' | bigint;
}

const spoiling: fc.Arbitrary<Spoiling> = fc.record({
  changes: edits(),
  length: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom('as it was' as const, 'fitting' as const, 'fitting' as const) },
    { weight: 1, arbitrary: fc.constantFrom(...lengths) },
  ),
});

function spoil(file: Uint8Array<ArrayBuffer>, { changes, length }: Spoiling): Uint8Array<ArrayBuffer> {
  const changed = editBytes(file, changes);
  if (changed.length < 8 || length === 'as it was') return changed;
  const view = new DataView(changed.buffer);
  const said = view.getBigUint64(0, true) + BigInt(changed.length - file.length);
  const set = length === 'fitting' ? said : length;
  if (set >= 0n) view.setBigUint64(0, set, true);
  return changed;
}

/** A backend that accepts every complete tensor, and records which ones came. */
function countingBackend() {
  const received = new Map<string, number>();
  const { adapter } = openCpuBackend();
  const backend: Backend = {
    adapter,
    timesKernels: false,
    warmUp: { promptTokens: [], capacities: [] },
    allocatedBytes: 0,
    destroy: () => undefined,
    allocate: ({ storedAs }) => {
      const weights: ModelWeights = {
        bytes: 0,
        put: (spec, _, bytes) => {
          const type = storedAs(spec);
          if (!isQuantized(type)) expect(toFloat32(bytes, type).every(Number.isFinite)).toBe(true);
          const elements = (bytes.length / storedRowBytes(type, spec.cols)) * spec.cols;
          received.set(spec.name, (received.get(spec.name) ?? 0) + elements);
          return Promise.resolve();
        },
        ready: () => Promise.resolve(),
        open: () => Promise.reject(new Error('nothing is computed here')),
        openBatch: () => Promise.reject(new Error('nothing is computed here')),
        free: () => undefined,
      };
      return Promise.resolve(weights);
    },
  };
  return { backend, received };
}

const bitsOf: Readonly<Record<string, number>> = {
  ...{ F64: 64, F32: 32, F16: 16, BF16: 16, I64: 64, F4: 4, BOOL: 8 },
};

export const spoiledHeaders = spoiling;
const smallFile = fileOfTensors(new Map([...tensorsOf()].slice(0, 5)));

/** A header is refused with a reason, or leaves every tensor its own bytes. */
export function checkHeader(how: Spoiling): End {
  const spoiled = spoil(smallFile, how);
  let table;
  try {
    const length = headerLength(spoiled.subarray(0, 8), spoiled.length);
    table = parseHeader(spoiled.subarray(8, 8 + length), spoiled.length);
  } catch (error) {
    expect(error).toBeInstanceOf(BadHeader);
    const { message } = error as BadHeader;
    expect(message.length).toBeGreaterThan(10);
    expectReadable(message);
    return 'refused';
  }
  let end = 0;
  for (const tensor of [...table.tensors.values()].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    expect(tensor.begin).toBe(end);
    end = tensor.end;
    const elements = tensor.shape.reduce((product, length) => product * length, 1);
    const bits = bitsOf[tensor.dtype];
    if (bits !== undefined) expect((tensor.end - tensor.begin) * 8).toBe(elements * bits);
  }
  expect(table.dataBytes).toBe(end);
  return 'ran';
}

type Files = Readonly<Record<string, Uint8Array<ArrayBuffer> | string>>;
const shards: Files = shardsOf(tensorsOf());
const whole: Files = { 'model.safetensors': fileOfTensors(tensorsOf()) };
const victims = [
  { files: whole, victim: 'model.safetensors' },
  ...Object.keys(shards).map((victim) => ({ files: shards, victim })),
];

export const spoiledCheckpoints = fc.record({
  victim: fc.nat(victims.length - 1),
  how: spoiling,
  sizesKnown: fc.boolean(),
});

/** A whole file, a shard or an index is refused by the name of a file, or all tensors come; all files are closed. */
export async function checkCheckpoint(input: {
  readonly victim: number;
  readonly how: Spoiling;
  readonly sizesKnown: boolean;
}): Promise<End> {
  const { files, victim } = victims[input.victim] ?? { files: whole, victim: '' };
  const content = files[victim] ?? '';
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const spoiled = { ...files, [victim]: spoil(bytes, input.how) };
  const { sizesKnown } = input;
  const watched = watchOpenFiles(memorySource(spoiled, { chunkBytes: 2 ** 20, sizesKnown }));
  const { backend, received } = countingBackend();
  try {
    await load(watched.source, backend);
  } catch (error) {
    expect(error).toBeInstanceOf(Refused);
    const { failure } = error as Refused;
    expect(failure).toMatchObject({ code: 'bad-weights' });
    expectReadable((failure as { reason: string }).reason);
    expect(Object.keys(files)).toContain((failure as { file: string }).file);
    return failure.code;
  } finally {
    expect(watched.open()).toBe(0);
  }
  for (const { name, rows, cols } of specs) expect(received.get(name)).toBe(rows * cols);
  return 'ran';
}

/** The same files, and how many of them are open. */
function watchOpenFiles(source: ModelSource) {
  let open = 0;
  return {
    open: () => open,
    source: {
      ...source,
      open: async (file: string, begin?: number) => {
        const opened = await source.open(file, begin);
        if (!opened) return null;
        open++;
        let isOpen = true;
        const close = () => {
          if (isOpen) open--;
          isOpen = false;
        };
        const chunks: AsyncIterator<Uint8Array> = {
          next: async () => {
            const next = await opened.chunks.next();
            if (next.done === true) close();
            return next;
          },
          return: async () => {
            close();
            return (await opened.chunks.return?.()) ?? { done: true, value: undefined };
          },
        };
        return { ...opened, chunks };
      },
    },
  };
}
