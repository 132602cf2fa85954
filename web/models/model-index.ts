import type { SharingConfig } from '../../worker/protocol/load.ts';

/** A model that ships with the page, as `models/index.json` lists it. */
export interface ModelEntry {
  readonly id: string;
  readonly description: string;
  /** The configuration that the checkpoint was made for: known before any of its weights are. */
  readonly stored: SharingConfig;
  /** Absent where nobody has measured it. */
  readonly measured?: Measured;
}

/** What `npm run evaluate` found of a model under its own plan. */
export interface Measured {
  /** Of held-out text. The fewer, the better the model foretells. */
  readonly bitsPerByte: number;
  readonly contextTokens: number;
  /** KV of a text of so many tokens, in 16 bit. */
  readonly kvBytesAtContext: number;
}

/** Reads the list of shipped models; entries that are not whole are left out. */
export function parseModelIndex(json: unknown): readonly ModelEntry[] {
  return Array.isArray(json) ? json.filter(isModelEntry) : [];
}

/** The shipped models. Empty where the list cannot be had: the page then knows only what it loads. */
export async function fetchModelIndex(pageUrl: string): Promise<readonly ModelEntry[]> {
  try {
    const response = await fetch(new URL('models/index.json', pageUrl));
    return response.ok ? parseModelIndex(await response.json()) : [];
  } catch {
    return [];
  }
}

/**
 * Another model of the list that was trained for a plan. They are one family, so that it may stand for the chosen one;
 * for a model from elsewhere none may.
 */
export function trainedFor(models: readonly ModelEntry[], chosen: string, layerTypes: string) {
  const own = models.find(({ id }) => id === chosen);
  if (!own || own.stored.layerTypes === layerTypes) return undefined;
  return models.find(({ stored }) => stored.layerTypes === layerTypes);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

function isModelEntry(value: unknown): value is ModelEntry {
  if (!isRecord(value)) return false;
  const entry = value as Partial<Record<keyof ModelEntry, unknown>>; // still unknown inside
  return (
    typeof entry.id === 'string' &&
    typeof entry.description === 'string' &&
    isSharingConfig(entry.stored) &&
    (entry.measured === undefined || isMeasured(entry.measured))
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
