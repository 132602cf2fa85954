import type { ModelDims } from '../plan/model-dims.ts';
import { kvOwners, type KvOwner, type Sharing } from '../plan/sharing.ts';

export type KvPrecision = 'f16' | 'f32';

/**
 * Decode steps submitted before the first one's token is known. A step that is thrown away (stop, end of text)
 * has written its KV row: rings keep so many rows more that it never overwrites one that is still needed.
 */
export const MAX_STEPS_IN_FLIGHT = 8;

/** What one cache holds. `rows` counts the positions, `bytes` is their size, with that of the state. */
export interface KvLayerUsage {
  readonly layer: number;
  readonly rows: number;
  readonly bytes: number;
  /** Bytes of what LESS keeps of the rows that are gone; 0 without it. */
  readonly stateBytes: number;
}

/** The three figures of KV size, which are never mixed. */
export interface KvUsage {
  /** Bytes of the rows held now, and of the states. */
  readonly bytes: number;
  /** Bytes that the ledger counts for the caches. */
  readonly allocatedBytes: number;
  /** Bytes that one more token takes, windowed owners included. */
  readonly bytesPerToken: number;
  readonly layers: readonly KvLayerUsage[];
}

/** Bytes of one position's keys and values in one cache. */
export const kvRowBytes = (dims: Pick<ModelDims, 'kvHeads' | 'headDim'>, precision: KvPrecision) =>
  2 * dims.kvHeads * dims.headDim * (precision === 'f16' ? 2 : 4);

/** Bytes of a row's position and score in one KV head, which a policy keeps beside the row. */
export const BYTES_PER_SCORED_ROW = 8;

/** KV bytes that one token takes: Σ over owners, windowed ones included. */
export const kvBytesPerToken = (sharing: Sharing, dims: ModelDims, precision: KvPrecision) =>
  kvOwners(sharing.layers).length * kvRowBytes(dims, precision);

/** KV bytes per token if every layer owned its KV. */
export const plainKvBytesPerToken = (dims: ModelDims, precision: KvPrecision) =>
  dims.layerCount * kvRowBytes(dims, precision);

/** Rows that a cache holds once `tokens` positions were written. */
export const kvRowsHeld = (owner: KvOwner, tokens: number, windowTokens: number) =>
  owner.windowed ? Math.min(tokens, windowTokens) : tokens;

/** Rows that a store allocates for at most `capacityTokens` positions: a ring if it is windowed. */
export const kvRowsAllocated = (owner: KvOwner, capacityTokens: number, windowTokens: number) =>
  owner.windowed ? Math.min(capacityTokens, windowTokens + MAX_STEPS_IN_FLIGHT) : capacityTokens;

/** Rows and bytes of every cache once `tokens` positions were written: Σ gives the bytes in use. */
export const kvLayerUsage = (
  sharing: Sharing,
  dims: ModelDims,
  precision: KvPrecision,
  tokens: number,
): readonly KvLayerUsage[] =>
  kvOwners(sharing.layers).map((owner) => {
    const rows = kvRowsHeld(owner, tokens, sharing.windowTokens);
    return { layer: owner.layer, rows, bytes: rows * kvRowBytes(dims, precision), stateBytes: 0 };
  });

const sumOfBytes = (layers: readonly KvLayerUsage[]) => layers.reduce((sum, { bytes }) => sum + bytes, 0);

/** Bytes of all caches' rows once `tokens` positions were written. */
export const kvBytesHeld = (sharing: Sharing, dims: ModelDims, precision: KvPrecision, tokens: number) =>
  sumOfBytes(kvLayerUsage(sharing, dims, precision, tokens));

/** The three figures once `tokens` positions were written, of which a ledger counts one. */
export function kvUsage(
  sharing: Sharing,
  dims: ModelDims,
  precision: KvPrecision,
  tokens: number,
  allocatedBytes: number,
): KvUsage {
  const layers = kvLayerUsage(sharing, dims, precision, tokens);
  return {
    bytes: sumOfBytes(layers),
    allocatedBytes,
    bytesPerToken: kvBytesPerToken(sharing, dims, precision),
    layers,
  };
}
