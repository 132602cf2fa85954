import { isKernelFile } from '../../gpu/kv/policies/kernel-file-name.ts';
import { isTrainedPolicy, type KernelFile } from '../../gpu/kv/policies/kernel-file.ts';
import { isRecord } from './is-record.ts';
import type { SharingConfig } from '../../worker/protocol/load.ts';

/** A model that ships with the page, as `models/index.json` lists it. */
export interface ModelEntry {
  readonly id: string;
  /** What people call it: its sharing, its text, its size. Empty if the list does not say. */
  readonly name: string;
  readonly description: string;
  /** The configuration that the checkpoint was trained with, known before its weights are loaded. */
  readonly stored: SharingConfig;
  /** Absent if nobody has measured it. */
  readonly measured?: Measured;
  /** The kernels of LESS that come with it. */
  readonly kernels: readonly KernelFile[];
  /** Sizes of the files that a load may read, by name. Absent if the list does not say. */
  readonly fileBytes?: Readonly<Record<string, number>>;
}

/** What `npm run evaluate` measured for a model under its own plan. */
export interface Measured {
  /** On held-out text. The fewer, the better the model predicts. */
  readonly bitsPerByte: number;
  readonly contextTokens: number;
  /** KV of a text of {@link contextTokens}, in 16 bits. */
  readonly kvBytesAtContext: number;
}

/** Reads the list of shipped models, without incomplete entries. */
export function parseModelIndex(json: unknown): readonly ModelEntry[] {
  return Array.isArray(json)
    ? json.filter(isModelEntry).map((entry) => ({
        ...entry,
        name: entry.name ?? '',
        kernels: entry.kernels?.filter(isKernels) ?? [],
      }))
    : [];
}

/** The shipped models. Empty if the list cannot be fetched: the page then knows only the models that it loads. */
export async function fetchModelIndex(pageUrl: string): Promise<readonly ModelEntry[]> {
  try {
    const response = await fetch(new URL('models/index.json', pageUrl));
    return response.ok ? parseModelIndex(await response.json()) : [];
  } catch {
    return [];
  }
}

/**
 * Another shipped model that was trained for a plan. Shipped models are one family, so it may replace the chosen one;
 * nothing may replace a model from elsewhere.
 */
export function trainedFor(models: readonly ModelEntry[], chosen: string, layerTypes: string) {
  const own = models.find(({ id }) => id === chosen);
  if (!own || own.stored.layerTypes === layerTypes) return undefined;
  return models.find(({ stored }) => stored.layerTypes === layerTypes);
}

/** The shipped model whose plan differs from another in the fewest layers; undefined unless the chosen one ships too. */
export function nearestTrained(models: readonly ModelEntry[], chosen: string, layerTypes: string) {
  if (!models.some(({ id }) => id === chosen)) return undefined;
  const wanted = layerTypes.split('_');
  const distances = models.flatMap((entry) => {
    const entries = entry.stored.layerTypes.split('_');
    if (entries.length !== wanted.length) return [];
    return [{ entry, distance: entries.filter((own, layer) => own !== wanted[layer]).length }];
  });
  return distances.sort((a, b) => a.distance - b.distance)[0]?.entry;
}

/** An entry whose kernels are still unchecked. Whoever hosts models of their own may leave them and the name out. */
type Listed = Omit<ModelEntry, 'name' | 'kernels'> & {
  readonly name?: string;
  readonly kernels?: readonly unknown[];
};

function isModelEntry(value: unknown): value is Listed {
  if (!isRecord(value)) return false;
  const entry = value as Partial<Record<keyof ModelEntry, unknown>>; // still unknown inside
  return (
    typeof entry.id === 'string' &&
    (entry.name === undefined || typeof entry.name === 'string') &&
    typeof entry.description === 'string' &&
    isSharingConfig(entry.stored) &&
    (entry.measured === undefined || isMeasured(entry.measured)) &&
    (entry.kernels === undefined || Array.isArray(entry.kernels)) &&
    (entry.fileBytes === undefined || isSizes(entry.fileBytes))
  );
}

const isSizes = (value: unknown): boolean =>
  isRecord(value) && Object.values(value).every((bytes) => Number.isSafeInteger(bytes) && Number(bytes) >= 0);

function isKernels(value: unknown): value is KernelFile {
  if (!isRecord(value)) return false;
  const { file, rank, layerTypes, policy } = value as Partial<Record<keyof KernelFile, unknown>>; // still unknown inside
  return (
    typeof file === 'string' &&
    isKernelFile(file) &&
    typeof rank === 'number' &&
    typeof layerTypes === 'string' &&
    isTrainedPolicy(policy)
  );
}

function isMeasured(value: unknown): value is Measured {
  if (!isRecord(value)) return false;
  const { bitsPerByte, contextTokens, kvBytesAtContext } = value;
  return [bitsPerByte, contextTokens, kvBytesAtContext].every((n) => Number.isFinite(n) && Number(n) > 0);
}

function isSharingConfig(value: unknown): value is SharingConfig {
  if (!isRecord(value)) return false;
  const stored = value as Partial<Record<keyof SharingConfig, unknown>>; // still unknown inside
  return (
    typeof stored.layerTypes === 'string' &&
    typeof stored.slidingWindow === 'number' &&
    typeof stored.forwardPasses === 'number' &&
    typeof stored.backwardPasses === 'number' &&
    typeof stored.forceNodiag === 'boolean'
  );
}
