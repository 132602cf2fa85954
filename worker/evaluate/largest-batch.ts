import type { BatchOptions, ModelWeights, PlanOptions, TextOptions } from '../../gpu/backend.ts';
import type { LargestBatch } from '../protocol/largest-batch.ts';

/** No batch is larger: a power of two. */
const MOST_PLACES = 4096;

/** One of equal sequences: what it needs of its caches, and the most tokens of a turn. */
export type EqualText = TextOptions & Pick<BatchOptions, 'turnTokens'>;

/**
 * The largest batch of equal sequences that fits into a budget. It follows from what one of them takes and from what
 * they share, and is allocated once to see whether that is so.
 *
 * @throws BackendError if the budget is more than the machine has
 */
export async function largestBatch(
  model: ModelWeights,
  plan: PlanOptions,
  text: EqualText,
  budgetBytes: number,
): Promise<LargestBatch> {
  const sizes = await batchSizes(model, plan, text, budgetBytes);
  const { places, weightBytes, kvBytes, totalBytes, nextBytes, mostPlaces } = sizes;
  const planned = {
    places,
    weightBytes,
    kvBytes: places * kvBytes,
    scratchBytes: places === 0 ? 0 : totalBytes - weightBytes - places * kvBytes,
    missingBytes: places === mostPlaces ? null : nextBytes - budgetBytes,
  };
  if (places === 0) return { ...planned, verifiedBytes: 0 };
  const batch = await model.openBatch({ ...plan, texts: [text], places, turnTokens: text.turnTokens });
  try {
    for (let place = 0; place < places; place++) await batch.open(text);
    return { ...planned, verifiedBytes: weightBytes + batch.allocatedBytes };
  } finally {
    batch.close();
  }
}

/** How many equal sequences a budget has room for, as it follows from the ledger's sizes. */
export interface BatchSizes {
  /** How many can be decoded at once, and how many the bytes alone have room for. */
  readonly places: number;
  readonly fitting: number;
  /** How many the backend would decode at once if memory did not matter. */
  readonly mostPlaces: number;
  readonly weightBytes: number;
  /** Of one sequence. */
  readonly kvBytes: number;
  /** What that many places take, weights included, and what one more would. */
  readonly totalBytes: number;
  readonly nextBytes: number;
}

/** @throws BackendError */
export async function batchSizes(
  model: ModelWeights,
  plan: PlanOptions,
  text: EqualText,
  budgetBytes: number,
): Promise<BatchSizes> {
  const weightBytes = model.bytes;
  const batch = await model.openBatch({ ...plan, texts: [text], places: 1, turnTokens: text.turnTokens });
  try {
    const before = batch.allocatedBytes;
    const opened = await batch.open(text);
    const kvBytes = opened.kvUsage().allocatedBytes;
    const textBytes = batch.allocatedBytes - before;
    const total = (places: number) => weightBytes + batch.sharedBytesFor(places) + places * textBytes;
    const mostPlaces = Math.min(MOST_PLACES, batch.mostPlaces);
    let fitting = 0;
    // Every place takes more, so that halving finds the last one that fits.
    for (let step = MOST_PLACES; step >= 1; step /= 2) {
      if (fitting + step <= MOST_PLACES && total(fitting + step) <= budgetBytes) fitting += step;
    }
    const places = Math.min(fitting, mostPlaces);
    return {
      ...{ places, fitting, mostPlaces, weightBytes, kvBytes },
      totalBytes: total(places),
      nextBytes: total(places + 1),
    };
  } finally {
    batch.close();
  }
}
