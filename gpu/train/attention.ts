import { visibleKeys, type Mask } from '../kv/mask.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { Address } from '../wasm/kernels.ts';
import type { TrainKernels } from './kernels.ts';
import { matrix, turn, type Matrix, type Products } from './matrix.ts';
import type { KvNode } from './program.ts';
import { BLOCK_ROWS, scoreStride, type Scratch } from './space.ts';

/** Attention of one layer over one sequence. */
export interface AttentionCall {
  readonly kernels: TrainKernels;
  readonly products: Products;
  readonly scratch: Scratch;
  readonly dims: ModelDims;
  readonly mask: Mask;
  readonly node: KvNode;
  /** `[count, heads · headDim]`, rotated. */
  readonly queries: Address;
  readonly count: number;
  /** Positions that the scores have room for. */
  readonly room: number;
}

/** Some queries of one head, and the keys that at least one of them sees. */
interface Block {
  readonly head: number;
  readonly first: number;
  readonly rows: number;
  readonly firstKey: number;
  readonly keys: number;
}

/** What the kernels take for an unlimited window. */
const NO_WINDOW = 2 ** 31 - 1;

/** output = softmax(q·k / √headDim)·v for all heads, and zero for a query that sees no key. */
export function attend(call: AttentionCall, output: Address): void {
  for (const block of blocksOf(call)) {
    const into = queriesOf(call, block, output);
    // Without a key the product has no terms, and is zero.
    call.products.set(into, weigh(call, block), keysOf(call, block, call.node.values));
  }
}

/**
 * The gradients of {@link attend}: those of the queries are written, those of keys and values are added to the node's, if
 * it has some. The weights are computed again, which is cheaper than keeping them.
 */
export function attendBack(call: AttentionCall, dOutput: Address, dQueries: Address): void {
  const { kernels, products, scratch, dims, node, room } = call;
  for (const block of blocksOf(call)) {
    const weights = weigh(call, block);
    const dWeights = { ...weights, address: scratch.dScores };
    const dOut = queriesOf(call, block, dOutput);
    products.set(dWeights, dOut, turn(keysOf(call, block, node.values)));
    const scale = 1 / Math.sqrt(dims.headDim);
    kernels.softenBack(weights.address, dWeights.address, scoreStride(room), block.keys, block.rows, scale);
    products.set(queriesOf(call, block, dQueries), dWeights, keysOf(call, block, node.keys));
    if (!node.gradients) continue;
    products.add(keysOf(call, block, node.gradients.values), turn(weights), dOut);
    products.add(
      keysOf(call, block, node.gradients.keys),
      turn(dWeights),
      queriesOf(call, block, call.queries),
    );
  }
}

/** The attention weights of a block, in `scores`. */
function weigh(call: AttentionCall, block: Block): Matrix {
  const { kernels, products, scratch, dims, mask, node, room } = call;
  const weights = matrix(scratch.scores, block.rows, block.keys, scoreStride(room));
  products.set(weights, queriesOf(call, block, call.queries), turn(keysOf(call, block, node.keys)));
  kernels.softenSeen(
    weights.address,
    weights.stride,
    block.keys,
    block.rows,
    block.first,
    block.firstKey,
    Math.min(mask.windowTokens, NO_WINDOW),
    mask.diagonal,
    1 / Math.sqrt(dims.headDim),
  );
  return weights;
}

function* blocksOf({ dims, mask, count }: AttentionCall): Generator<Block, void> {
  for (let head = 0; head < dims.heads; head++) {
    for (let first = 0; first < count; first += BLOCK_ROWS) {
      const rows = Math.min(BLOCK_ROWS, count - first);
      const { from } = visibleKeys(first, mask);
      const { to } = visibleKeys(first + rows - 1, mask);
      yield { head, first, rows, firstKey: from, keys: Math.max(0, to - from) };
    }
  }
}

/** A block of what has the shape of queries. */
function queriesOf({ dims }: AttentionCall, { head, first, rows }: Block, start: Address): Matrix {
  const { heads, headDim } = dims;
  const stride = 4 * heads * headDim;
  return matrix(start + first * stride + 4 * head * headDim, rows, headDim, stride);
}

/** A block of what has the shape of keys. */
function keysOf({ dims }: AttentionCall, { head, firstKey, keys }: Block, start: Address): Matrix {
  const { heads, kvHeads, headDim } = dims;
  const stride = 4 * kvHeads * headDim;
  const kvHead = Math.floor(head / (heads / kvHeads));
  return matrix(start + firstKey * stride + 4 * kvHead * headDim, keys, headDim, stride);
}
