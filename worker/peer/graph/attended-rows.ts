import { maskOf } from '../../../gpu/kv/mask.ts';
import { ownersOf, readsAbove, type LayerType } from '../../../gpu/plan/layer-types.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import type { Sharing } from '../../../gpu/plan/sharing.ts';
import type { OnnxGraph } from './onnx-graph.ts';

/**
 * Added to the score of a key that a query does not see, and of the zero row that stands for "no key", which decides only
 * if every key is hidden. The graph's numbers must hold them.
 */
const hiding = {
  float: { hidden: -1e30, nothing: -1e15 },
  float16: { hidden: -6e4, nothing: -3e4 },
} as const;

/** Keys and values that some layers attend to, and the bias that is added to their scores. */
export interface Attended {
  readonly keysTransposed: string; // [1, kvHeads, headDim, keys]
  readonly values: string; // [1, kvHeads, keys, headDim]
  readonly bias: string; // [tokens · heads / kvHeads, keys]
}

export const pastName = (cache: number, part: string) => `past_key_values.${cache}.${part}`;
export const presentName = (cache: number, part: string) => `present.${cache}.${part}`;

/** The rows that each layer of a graph attends to, with its mask. Layers that share them get the same nodes. */
export class AttendedRows {
  readonly #graph: OnnxGraph;
  readonly #dims: ModelDims;
  readonly #sharing: Sharing;
  readonly #owners: readonly number[];
  readonly #constants = new Set<string>();
  readonly #biases = new Map<string, string>();
  readonly #attended = new Map<string, Attended>();

  constructor(graph: OnnxGraph, dims: ModelDims, sharing: Sharing) {
    this.#graph = graph;
    this.#dims = dims;
    this.#sharing = sharing;
    this.#owners = ownersOf(sharing.layers);
  }

  /** What one layer attends to. An owner that is not above must have been cached before. */
  of(layer: LayerType): Attended {
    const above = readsAbove(layer);
    const { diagonal } = maskOf(this.#sharing, layer);
    const kind = `${above ? 'past' : 'present'} ${diagonal ? 'with' : 'without'} diagonal${layer.windowed ? ', windowed' : ''}`;
    const key = `${layer.readsFrom}: ${kind}`;
    let attended = this.#attended.get(key);
    if (!attended) {
      const cache = this.#owners.indexOf(layer.readsFrom);
      const nameOf = above ? pastName : presentName;
      const rows = ['key', 'value'].map((part) => {
        const row = nameOf(cache, part);
        return diagonal ? row : this.#graph.op('Concat', [this.#zeroRow(), row], { attributes: { axis: 2 } });
      });
      const [keys = '', values = ''] = rows;
      const keysTransposed = this.#graph.op('Transpose', [keys], { attributes: { perm: [0, 1, 3, 2] } });
      let bias = this.#biases.get(kind);
      if (bias === undefined) this.#biases.set(kind, (bias = this.#bias(above, diagonal, layer.windowed)));
      this.#attended.set(key, (attended = { keysTransposed, values, bias }));
    }
    return attended;
  }

  /** A key and value of zeros at position −1, so that a query that sees nothing gets zero. */
  #zeroRow(): string {
    const { kvHeads, headDim } = this.#dims;
    return this.#constant('zero row', [1, kvHeads, 1, headDim], new Float32Array(kvHeads * headDim));
  }

  #number(name: string, value: number): string {
    return this.#constant(name, [1], Float32Array.of(value));
  }

  #constant(name: string, shape: readonly number[], values: Float32Array): string {
    if (this.#constants.has(name)) return name;
    this.#constants.add(name);
    return this.#graph.floats(name, shape, values);
  }

  /** 0 if a query sees a key, and far less otherwise. One row per token and query head of a group. */
  #bias(above: boolean, diagonal: boolean, windowed: boolean): string {
    const graph = this.#graph;
    const lengthOf = (input: string) =>
      graph.op('Gather', [graph.op('Shape', [input]), graph.scalar(1)], { attributes: { axis: 0 } });
    const positions = lengthOf('attention_mask');
    const stop = above ? graph.op('Sub', [positions, lengthOf('input_ids')]) : positions;
    const keys = graph.op('Range', [graph.scalar(diagonal ? 0 : -1), stop, graph.scalar(1)]);
    const queries = graph.op('Reshape', ['position_ids', graph.ints(-1, 1, 1)]);
    const both = (a: string, b: string) => graph.op('And', [a, b]);

    let sees = graph.op(diagonal ? 'LessOrEqual' : 'Less', [keys, queries]);
    if (windowed) {
      const distance = graph.op('Sub', [queries, keys]);
      sees = both(sees, graph.op('Less', [distance, graph.scalar(this.#sharing.windowTokens)]));
    }
    let unseen = this.#number('hidden', hiding[graph.numbers].hidden);
    if (!diagonal) {
      const real = graph.op('GreaterOrEqual', [keys, graph.scalar(0)]);
      sees = both(sees, real);
      unseen = graph.op('Where', [real, unseen, this.#number('nothing', hiding[graph.numbers].nothing)]);
    }
    const byToken = graph.op('Where', [sees, this.#number('shown', 0), unseen]); // [tokens, 1, keys]
    const groupSize = this.#dims.heads / this.#dims.kvHeads;
    const byQuery = graph.op('Expand', [byToken, graph.ints(1, groupSize, 1)]);
    const shape = graph.op('Concat', [graph.ints(-1), graph.op('Shape', [keys])], {
      attributes: { axis: 0 },
    });
    return graph.op('Reshape', [byQuery, shape]);
  }
}
