import { describe, expect, it, vi } from 'vitest';
import { toF16 } from '../../../gpu/numbers/element-type.ts';
import { storedRowBytes, type WeightFormats } from '../../../gpu/numbers/matrix-format.ts';
import { openHubSource } from '../../../worker/hub/hub-source.ts';
import { loadWeights } from '../../../worker/loader/load-weights.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { openSpace } from '../../../worker/storage/space.ts';
import type { HubServer } from '../../support/hub-server.ts';
import { fileOfTensors } from '../worker/safetensors-file.ts';
import { dims, notingBackend, specs, storedLayers } from '../worker/tiny-checkpoint.ts';
import {
  bytesSpace,
  COMMIT,
  hubWith,
  ignore,
  modelAt,
  NAME,
  never,
  openLibrary,
  recordKey,
  repository,
  sharedLocks,
} from './fixture.ts';

const halves = (length: number, seed: number) =>
  new Uint8Array(toF16(Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7 + seed))).buffer);

const weightsFile = fileOfTensors(
  new Map(
    specs.map(({ name, rows, cols, vector }, index) => {
      const shape = vector ? [cols] : [rows, cols];
      return [name, { dtype: 'F16', shape, bytes: halves(rows * cols, index) }] as const;
    }),
  ),
);

/** A server whose model is stored on this device. */
async function storedModel(): Promise<HubServer> {
  const files = new Map([...repository().files, ['model.safetensors', weightsFile] as const]);
  const server = await hubWith({ [NAME]: repository({ files }) });
  valueOf(await openLibrary().download(modelAt(server), ignore));
  return server;
}

const device = { locks: sharedLocks, room: () => Promise.resolve<number | null>(null) };

/** Loads the stored model. Returns what the backend received, by tensor. */
async function start(
  server: HubServer,
  formats: WeightFormats,
  { failAtPut = Infinity, on = device }: { failAtPut?: number; on?: typeof device } = {},
) {
  const { backend, put } = notingBackend({ failAtPut });
  const files: string[] = [];
  const { weights } = await loadWeights({
    ...{ backend, dims, storedLayers, ...formats },
    source: await openHubSource(modelAt(server), never, on),
    onRoom: () => undefined,
    onProgress: (file) => files.push(file),
  });
  weights.free();
  return { put, readFrom: files.at(-1) };
}

const copyKey = (server: HubServer, name: string) => [server.endpoint, NAME, COMMIT, name];
const storedModels = async () => valueOf(await openLibrary().stored());
const copyNames = async () => (await storedModels())[0]?.copies.map(({ name }) => name);
const q4 = { weights: 'q4', quantizeEmbeddings: false } as const;
const ORIGINAL = 'model.safetensors';
const COPY = 'q4-1.safetensors';

describe('quantized weights of a stored model', () => {
  it.each([
    ['q8', { weights: 'q8', quantizeEmbeddings: false }],
    ['q4', q4],
    ['q4-all', { weights: 'q4', quantizeEmbeddings: true }],
  ] as const)(
    '%s: the second load reads only them, and no other bytes of the weights',
    async (name, formats) => {
      const server = await storedModel();
      const first = await start(server, formats);
      expect(first.readFrom).toBe(ORIGINAL);
      const file = `${name}-1.safetensors`;
      expect(await copyNames()).toEqual([file]);

      await bytesSpace.remove(recordKey(server.endpoint, 0));
      const second = await start(server, formats);
      expect(second.readFrom).toBe(file);
      expect(second.put).toEqual(first.put);
    },
  );

  it('are shared by 4 bits with any input', async () => {
    const server = await storedModel();
    await start(server, q4);
    const rounding = await start(server, { weights: 'w4a8', quantizeEmbeddings: false });
    expect(rounding.readFrom).toBe(COPY);
    expect(await copyNames()).toEqual([COPY]);
  });

  it('take the bytes of their format, and are not kept for weights in the stored format', async () => {
    const server = await storedModel();
    await start(server, { weights: 'stored', quantizeEmbeddings: false });
    await start(server, { weights: 'f32', quantizeEmbeddings: false });
    expect(await copyNames()).toEqual([]);
    await start(server, q4);
    const [copy] = (await storedModels())[0]?.copies ?? [];
    const packed = specs.map((spec) => {
      const spared = spec.vector || spec.role === 'embed' || spec.role === 'head';
      return spec.rows * storedRowBytes(spared ? 'f16' : 'q4', spec.cols);
    });
    const least = packed.reduce((sum, bytes) => sum + bytes, 0);
    expect(copy?.sizeBytes).toBeGreaterThan(least);
    expect(copy?.sizeBytes).toBeLessThan(least + 5000);
  });

  it('are not kept after a failed load, but after the next one', async () => {
    const server = await storedModel();
    await expect(start(server, q4, { failAtPut: 5 })).rejects.toThrow('the backend broke');
    expect(await copyNames()).toEqual([]);
    expect(await bytesSpace.keys(copyKey(server, COPY))).toEqual([]);
    await start(server, q4);
    expect(await copyNames()).toEqual([COPY]);
  });

  it('the incomplete copy of a killed tab is removed', async () => {
    const server = await storedModel();
    await bytesSpace.set([...copyKey(server, COPY), 0], new Uint8Array(100));
    await start(server, q4, { on: { ...device, room: () => Promise.resolve(10) } });
    expect(await bytesSpace.keys(copyKey(server, COPY))).toEqual([]);
  });

  it('are not kept if they do not fit, and the model runs', async () => {
    const server = await storedModel();
    const little = await start(server, q4, { on: { ...device, room: () => Promise.resolve(1000) } });
    expect(await copyNames()).toEqual([]);

    const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
      throw new DOMException('', 'QuotaExceededError');
    });
    const full = await start(server, q4).finally(() => {
      put.mockRestore();
    });
    expect(full.put).toEqual(little.put);
    expect(await copyNames()).toEqual([]);
  });

  it('are not written while another tab uses the model', async () => {
    const server = await storedModel();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const other = sharedLocks.request(`kvtab ${server.endpoint} ${NAME} ${COMMIT}`, {}, () => held);
    await start(server, q4);
    release();
    await other;
    expect(await copyNames()).toEqual([]);
    await start(server, q4);
    expect(await copyNames()).toEqual([COPY]);
  });

  it.each([
    ['has lost a part', undefined],
    ['has changed', new Uint8Array(weightsFile.length)],
  ])('a copy that %s is made again from the files', async (_, found) => {
    const server = await storedModel();
    const first = await start(server, q4);
    const key = [...copyKey(server, COPY), 0];
    if (found) {
      const length = (await bytesSpace.get(key))?.length ?? 0;
      await bytesSpace.set(key, found.subarray(0, length));
    } else await bytesSpace.remove(key);
    const second = await start(server, q4);
    expect(second).toEqual(first);
    expect((await start(server, q4)).readFrom).toBe(COPY);
  });

  it('are removed by a check that finds a wrong byte, and the model stays sound', async () => {
    const server = await storedModel();
    await start(server, q4);
    await start(server, { weights: 'q8', quantizeEmbeddings: false });
    const key = [...copyKey(server, COPY), 0];
    const bytes = new Uint8Array((await bytesSpace.get(key)) ?? []);
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
    await bytesSpace.set(key, bytes);
    const checked = valueOf(await openLibrary().check(modelAt(server), ignore));
    expect(checked.verified).toMatchObject({ state: 'sound', repairedBytes: 0 });
    expect(checked.copies.map(({ name }) => name)).toEqual(['q8-1.safetensors']);
  });

  it('are removed with their model', async () => {
    const server = await storedModel();
    await start(server, q4);
    const [model] = await storedModels();
    if (model) valueOf(await openLibrary().remove(model));
    for (const space of ['copy', 'record', 'mark']) {
      expect(await openSpace(`model-${space}-1`, (_): _ is unknown => true).keys()).toEqual([]);
    }
  });
});
