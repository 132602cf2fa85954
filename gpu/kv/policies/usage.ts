import { largestThatFits } from '../../plan/largest-that-fits.ts';
import type { ModelDims } from '../../plan/model-dims.ts';
import { kvOwners, type Sharing } from '../../plan/sharing.ts';
import { BYTES_PER_SCORED_ROW, kvRowBytes, kvRowsHeld, type KvPrecision } from '../usage.ts';
import { rowsAfterCut } from './cut.ts';
import { bytesOfState, ownersOfStates } from './less-kernels.ts';
import { less } from './less.ts';
import { policyKind } from './policies.ts';
import type { Policy } from './policy.ts';

/** Bytes of a row: under a policy every KV head keeps the row's position and score beside it. */
const rowBytesUnder = (policy: Policy, dims: ModelDims, precision: KvPrecision): number =>
  kvRowBytes(dims, precision) +
  (policyKind(policy.id).budget(policy, 1) ? BYTES_PER_SCORED_ROW * dims.kvHeads : 0);

/** Bytes that a token takes in all stores until a cut leaves it out. */
export const kvBytesPerTokenUnder = (
  policy: Policy,
  sharing: Sharing,
  dims: ModelDims,
  precision: KvPrecision,
): number => kvOwners(sharing.layers).length * rowBytesUnder(policy, dims, precision);

/** What a store holds after a prompt of some length, by formula, before anything runs. */
export interface StorePreview {
  readonly owner: number;
  /** In each KV head. */
  readonly rows: number;
  /** Of rows and state. */
  readonly bytes: number;
  /** Of these, what LESS makes of the rows that are gone. */
  readonly stateBytes: number;
}

/**
 * What every store holds once a prompt was read and cut. Without a policy, what its readers still see.
 *
 * @param rank of the kernels of LESS; of no use to other policies
 */
export function storesUnder(
  policy: Policy,
  rank: number,
  sharing: Sharing,
  dims: ModelDims,
  precision: KvPrecision,
  promptTokens: number,
): readonly StorePreview[] {
  const kind = policyKind(policy.id);
  const budget = kind.budget(policy, promptTokens);
  const rowBytes = rowBytesUnder(policy, dims, precision);
  const { layers, windowTokens } = sharing;
  const withStates = policy.id === less.id ? ownersOfStates(sharing) : [];
  return kvOwners(layers).map((owner) => {
    const rows = budget
      ? rowsAfterCut(budget, promptTokens, owner.windowed ? windowTokens : Infinity)
      : kvRowsHeld(owner, promptTokens, windowTokens);
    const stateBytes = withStates.includes(owner.layer) ? bytesOfState(dims, rank) : 0;
    return { owner: owner.layer, rows, bytes: rows * rowBytes + stateBytes, stateBytes };
  });
}

/** Bytes of {@link storesUnder}. */
export const kvBytesUnder = (...of: Parameters<typeof storesUnder>): number =>
  storesUnder(...of).reduce((sum, { bytes }) => sum + bytes, 0);

/** The longest text that anybody asks about. */
const MOST_TOKENS = 1_000_000_000;

/** The longest prompt whose KV, once it was read and cut, takes at most so many bytes; Infinity if it stops growing. */
export function longestPromptUnder(
  policy: Policy,
  rank: number,
  sharing: Sharing,
  dims: ModelDims,
  precision: KvPrecision,
  mostBytes: number,
): number {
  const fits = (tokens: number) => kvBytesUnder(policy, rank, sharing, dims, precision, tokens) <= mostBytes;
  if (fits(MOST_TOKENS)) return Infinity;
  return largestThatFits(MOST_TOKENS, fits);
}

/**
 * The most places that a text takes within the model's context. Places of the text are its length. Places within the
 * cache are bounded by the rows kept and the longest piece that is read at once.
 *
 * @param readTokens of the prompt, or of the turn that comes next
 * @param heldTokens of the text before it, as far as the cache has it
 */
export function placesNeeded(
  policy: Policy,
  {
    heldTokens,
    readTokens,
    newTokens,
  }: { readonly heldTokens: number; readonly readTokens: number; readonly newTokens: number },
): number {
  const text = heldTokens + readTokens + newTokens;
  if (policy.positions !== 'cache') return text;
  const budget = policyKind(policy.id).budget(policy, heldTokens + readTokens);
  if (!budget) return text;
  const rows = budget.sinks + budget.recent + budget.heavy;
  const piece = Math.min(readTokens, policy.chunk ?? readTokens);
  const before = policy.chunk === null ? Math.min(heldTokens, rows) : rows;
  return Math.min(text, Math.max(before + piece, rows + 1));
}
