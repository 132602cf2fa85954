/** Measures how long a stored model takes to load, beside reading the same bytes from IndexedDB and uploading them. */
import { median } from '../../../worker/laboratory/statistics/moments.ts';
import type { Backend, ModelWeights } from '../../../gpu/backend.ts';
import type { ElementType } from '../../../gpu/numbers/element-type.ts';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { weightSpecs } from '../../../gpu/plan/weight-specs.ts';
import { openWebGpuBackend } from '../../../gpu/webgpu/backend.ts';
import { openHubSource } from '../../../worker/hub/hub-source.ts';
import {
  writeListing,
  FileRecords,
  writeManifest,
  RECORD_BYTES,
  removeModel,
} from '../../../worker/hub/records.ts';
import { loadWeights } from '../../../worker/loader/load-weights.ts';
import { parseShape } from '../shapes.ts';

export interface LoadReport {
  readonly adapter: Backend['adapter'];
  readonly shape: string;
  readonly megabytes: number;
  /** One number for each repeat, in milliseconds. */
  readonly readMs: readonly number[];
  readonly uploadMs: readonly number[];
  readonly loadMs: readonly number[];
  /** The median of loading divided by the sum of the medians of reading and uploading. The goal is at most 1.5. */
  readonly ratio: number;
}

declare global {
  // `var`, because nothing else declares a property of globalThis.
  var runLoadBench: (shape: string, repeats: number) => Promise<LoadReport>;
}

const NAME = 'model.safetensors';
const ID = 'bench/model';

globalThis.runLoadBench = async (shape, repeats) => {
  const dims = parseShape(shape);
  const plan = parseLayerTypes(
    Array.from({ length: dims.layerCount }, (_, layer) => layer).join('_'),
    dims.layerCount,
  );
  if (!plan.ok) throw new Error(plan.reason);
  const storedLayers = plan.value;
  const specs = weightSpecs(dims, storedLayers);
  const sizeOf = ({ rows, cols }: { rows: number; cols: number }) => rows * cols * 2;

  // Stores a checkpoint of half-precision numbers that nothing can compress.
  let end = 0;
  const header = new TextEncoder().encode(
    JSON.stringify(
      Object.fromEntries(
        specs.map((spec) => {
          const begin = end;
          end += sizeOf(spec);
          const entry = { dtype: 'F16', shape: spec.vector ? [spec.cols] : [spec.rows, spec.cols] };
          return [spec.name, { ...entry, data_offsets: [begin, end] }];
        }),
      ),
    ),
  );
  const sizeBytes = 8 + header.length + end;
  const listing = {
    endpoint: 'https://bench.example',
    repository: ID,
    revision: 'main',
    commit: 'b'.repeat(40),
    files: [{ name: NAME, sizeBytes, sha256: null, gitBlobId: null }],
    recordBytes: RECORD_BYTES,
  };
  await removeModel(listing);
  await writeListing(listing);
  const records = new FileRecords(listing, { name: NAME, sizeBytes, sha256: null, gitBlobId: null });
  for (let index = 0; index < records.count; index++) {
    const bytes = randomHalves(records.lengthOf(index));
    if (index === 0) {
      new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
      bytes.set(header, 8);
    }
    await records.write(index, bytes, { end: records.endOf(index), digest: '', state: new Uint8Array() });
  }
  const now = Date.now();
  const fresh = { storedAtMs: now, checkedAtMs: now, repairedBytes: 0, damagedFile: null };
  await writeManifest(listing, { ...fresh, digests: new Map([[NAME, '']]) });

  const backend = await openWebGpuBackend(navigator.gpu);
  const allocation = {
    dims,
    storedLayers,
    weights: 'stored',
    quantizeEmbeddings: false,
    storedAs: (): ElementType => 'f16',
  } as const;
  const piece = randomHalves(4 * 2 ** 20);
  const upload = async (): Promise<ModelWeights> => {
    const weights = await backend.allocate(allocation);
    for (const spec of specs) {
      const rowsAtOnce = Math.max(1, Math.floor(piece.length / (spec.cols * 2)));
      for (let row = 0; row < spec.rows; row += rowsAtOnce) {
        const rows = Math.min(rowsAtOnce, spec.rows - row);
        await weights.put(spec, row, piece.subarray(0, rows * spec.cols * 2));
      }
    }
    await weights.ready();
    return weights;
  };
  const read = async () => {
    for (let index = 0; index < records.count; index++) {
      if (!(await records.read(index))) throw new Error(`record ${index} is missing`);
    }
    return null;
  };
  const load = async (): Promise<ModelWeights> => {
    const model = { from: 'hub', id: ID, endpoint: listing.endpoint, token: null, keep: true } as const;
    const source = await openHubSource(model, new AbortController().signal);
    const { weights } = await loadWeights({
      source,
      backend,
      ...allocation,
      onRoom: () => undefined,
      onProgress: () => undefined,
    });
    return weights;
  };

  const timed = async (work: () => Promise<ModelWeights | null>): Promise<number> => {
    const startMs = performance.now();
    const weights = await work();
    const ms = performance.now() - startMs;
    weights?.free();
    return ms;
  };
  const times = { readMs: [] as number[], uploadMs: [] as number[], loadMs: [] as number[] };
  for (let repeat = -1; repeat < repeats; repeat++) {
    const [readMs, uploadMs, loadMs] = [await timed(read), await timed(upload), await timed(load)];
    if (repeat < 0) continue; // the warm-up
    times.readMs.push(readMs);
    times.uploadMs.push(uploadMs);
    times.loadMs.push(loadMs);
  }
  await removeModel(listing);
  const { adapter } = backend;
  backend.destroy();
  const ratio = median(times.loadMs) / (median(times.readMs) + median(times.uploadMs));
  return { adapter, shape, megabytes: sizeBytes / 1e6, ...times, ratio };
};

/** Finite half-precision numbers with random mantissas. */
function randomHalves(bytes: number): Uint8Array<ArrayBuffer> {
  const halves = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(halves.subarray(at, at + 65_536));
  for (let high = 1; high < bytes; high += 2) halves[high] = ((halves[high] ?? 0) & 0x83) | 0x28;
  return halves;
}
