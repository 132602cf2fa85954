import type { PlanOptions } from '../backend.ts';
import type { OnAttention } from '../kv/head-attention.ts';
import { maskOf, visibleKeys } from '../kv/mask.ts';
import { slotRuns, type SlotLayout } from '../kv/slots.ts';
import { kvRowBytes } from '../kv/usage.ts';
import { padded } from '../numbers/panels.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { ropeTable } from '../plan/rope.ts';
import type { WeightRole } from '../plan/weight-specs.ts';
import { EvictingAttention } from './attend-evicting.ts';
import {
  attendRows,
  keysOf,
  scoreStrideOf,
  type AttendingRow,
  type AttentionScratch,
  type Run,
} from './attend-rows.ts';
import type { Address } from './kernels.ts';
import { scratchBytes, type WorkSizes } from './layer-scratch.ts';
import type { LinearMemory } from './linear-memory.ts';
import { Products, type Product, type RowsAtHand } from './products.ts';
import type { PlanWeights } from './plan-weights.ts';
import type { KvTarget, Query } from './query.ts';
import { readAttention } from './read-attention.ts';
import { OneThread, piecesBefore, type Hands } from './threads/hands.ts';
import { JOB_NUMBERS } from './threads/job.ts';
import type { Team } from './threads/team.ts';

/** What rows do in a layer. */
export interface LayerStep {
  readonly layer: number;
  /** Where their keys and values go; null if the layer owns none. */
  readonly targets: readonly KvTarget[] | null;
  readonly queries: readonly Query[];
}

/** Hidden states, `[count, hiddenSize]`, padded: of neighboring positions, or of several texts. */
export interface Rows {
  readonly hidden: Address;
  readonly count: number;
}

/** Rows of a block, and who computes them: a team all of them, or each of its threads some. */
interface Share extends Rows, RowsAtHand {}

const ofMlp = ['gate', 'up', 'down'] as const;
const ofQueries = ['q', 'o', ...ofMlp] as const;
const ofOwner = ['k', 'v', ...ofQueries] as const;

/** Bytes of a layer's matrices that each thread may read for itself: they stay in a core's own cache. */
const SMALL_LAYER = 2 ** 20;
/** The most numbers that a job takes for the calls of a layer, and for those of each of its rows. */
const LAYER_NUMBERS = 200;
const ROW_NUMBERS = 130;

/** The layers of one plan over blocks of rows, with the scratch that they work in. Several texts may share them. */
export class WasmLayers {
  /** What the products with matrices have taken so far. */
  readonly work: Products['work'];
  readonly #memory: LinearMemory;
  readonly #team: Team;
  readonly #dims: ModelDims;
  readonly #weights: PlanWeights;
  readonly #products: Products;
  readonly #options: PlanOptions;
  readonly #rope: Address;
  readonly #rowBytes: number;
  /** Whether the matrices of a layer are; layers are alike. */
  readonly #isSmall: boolean;
  // Scratch of a block, rows padded.
  readonly #normed: Address; //   [block, hiddenSize]
  readonly #q: Address; //        [block, heads, headDim]
  readonly #attended: Address; // [block, heads, headDim]
  readonly #keys: Address; //     [block, kvHeads, headDim]
  readonly #values: Address; //   [block, kvHeads, headDim]
  readonly #gate: Address; //     [block, intermediateSize]
  readonly #up: Address; //       [block, intermediateSize]
  readonly #attention: AttentionScratch;
  readonly #evictingAttention: EvictingAttention;

  constructor(
    memory: LinearMemory,
    team: Team,
    dims: ModelDims,
    weights: PlanWeights,
    options: PlanOptions,
    blockRows: number,
    sizes: WorkSizes,
    take: (what: string, bytes: number) => Address,
  ) {
    const { kvPrecision } = options;
    this.#memory = memory;
    this.#team = team;
    this.#dims = dims;
    this.#weights = weights;
    this.#options = options;
    this.#rowBytes = kvRowBytes(dims, kvPrecision);
    const layerBytes = ofOwner.reduce((sum, role) => sum + (weights.find(role, 0)?.bytes ?? 0), 0);
    this.#isSmall = layerBytes <= SMALL_LAYER;

    const bytes = scratchBytes(dims, blockRows, sizes);
    const at = (what: keyof typeof bytes) => (bytes[what] > 0 ? take(what, bytes[what]) : 0);
    this.#normed = at('normed');
    this.#q = at('q');
    this.#attended = at('attended');
    this.#keys = at('keys');
    this.#values = at('values');
    this.#gate = at('gate');
    this.#up = at('up');
    this.#attention = {
      ...{ table: at('attending rows'), scores: at('scores'), widened: at('widened') },
      ...{ stride: scoreStrideOf(sizes.mostRowsSeen), rowBytes: this.#rowBytes, half: kvPrecision === 'f16' },
    };
    this.#products = new Products(team, dims, weights, {
      beside: at('rows beside each other'),
      quantized: at('quantized rows'),
      wide: at('widened weights'),
    });
    this.work = this.#products.work;
    this.#evictingAttention = new EvictingAttention(memory, team.kernels, dims, options.sharing, {
      ...{ ...this.#attention, noisy: at('noisy scores'), hashes: at('hashes') },
      ...{ noise: at('noise'), sums: at('sums') },
    });
    this.#rope = at('rope');
    const table = ropeTable(dims.rope, dims.headDim, sizes.angles);
    memory.floats(this.#rope, table.length).set(table);
  }

  /** The table of angles, `[angles, headDim / 2, (cos, sin)]`, and room to widen four heads. */
  get scratch(): { readonly rope: Address; readonly widened: Address } {
    return { rope: this.#rope, widened: this.#attention.widened };
  }

  /** The keys that {@link writeKv} computed for one row, in float32 and rotated if it rotated them. */
  keysOf(row: number): Float32Array {
    const { kvHeads, headDim } = this.#dims;
    const size = kvHeads * headDim;
    return this.#memory.floats(this.#keys + 4 * padded(size) * row, size);
  }

  /** Writes the keys and values that a layer computes from its input rows, each to its target. */
  writeKv(layer: number, { hidden }: Rows, targets: readonly KvTarget[]): void {
    const rows = this.#allOf({ hidden, count: targets.length });
    this.#products.note(layer, ['k', 'v']);
    this.#projectNormed(layer, rows, this.#keysAndValues);
    this.#storeKv(layer, rows, targets);
  }

  /**
   * A layer whose rows become keys, values and queries at once: what {@link writeKv} and {@link finish} do, with three
   * products of one normed input.
   *
   * @param queriesOf one query for each row; called when the keys and values are written
   */
  step(layer: number, rows: Rows, targets: readonly KvTarget[], queriesOf: () => readonly Query[]): void {
    this.#products.note(layer, ofOwner);
    this.#compute(layer, this.#allOf(rows), targets, queriesOf);
  }

  /** Whether {@link stepApart} is faster for so many rows: threads need not meet after each product of small matrices. */
  worthApart(count: number): boolean {
    const threads = this.#team.threadsLeft;
    return threads > 1 && count >= threads && this.#layersInJob(count) > 0 && this.#isSmall;
  }

  /**
   * Takes rows that neither a policy nor a watcher looks at through layers: each thread some of them, through one layer
   * after the other. Their sums are those of {@link step} and {@link finish}.
   */
  stepApart({ hidden, count }: Rows, steps: readonly LayerStep[]): void {
    const parts = this.#team.threadsLeft;
    const atOnce = this.#layersInJob(count);
    for (let from = 0; from < steps.length; from += atOnce) {
      const some = steps.slice(from, from + atOnce);
      this.#team.share(parts, (kernels, part, takeRoom) => {
        const first = piecesBefore(count, part, parts);
        const end = piecesBefore(count, part + 1, parts);
        const rows: Share = {
          ...{ hidden, first, count: end - first },
          hands: new OneThread(kernels, part, takeRoom),
        };
        for (const { layer, targets, queries } of some) {
          this.#compute(layer, rows, targets?.slice(first, end) ?? null, () => queries.slice(first, end));
        }
      });
    }
    for (const { layer, targets } of steps) {
      this.#products.note(layer, targets ? ofOwner : ofQueries, parts);
    }
  }

  /**
   * Attention and MLP of a layer, onto its rows.
   *
   * @param queries one for each row; `zeros` if everything that the layer sees is zero
   */
  finish(layer: number, rows: Rows, queries: readonly Query[] | 'zeros'): void {
    const all = this.#allOf(rows);
    if (queries !== 'zeros') {
      this.#products.note(layer, ofQueries);
      this.#compute(layer, all, null, () => queries);
      return;
    }
    this.#clearAttended(all);
    // Attention over zeros adds nothing but the output's bias.
    if (this.#dims.outputBias) this.#addAttended(layer, all);
    this.#products.note(layer, this.#dims.outputBias ? ['o', ...ofMlp] : ofMlp);
    this.#addMlp(layer, all);
  }

  /** The final norm of hidden states, at most a block of them. Where it leaves them, the next call overwrites them. */
  finalNorm(hidden: Address, count: number): Address {
    this.#norm('finalNorm', 0, this.#allOf({ hidden, count }));
    return this.#normed;
  }

  /** The final norm of hidden states, and their projection. */
  normAndProject(hidden: Address, role: WeightRole, into: Address, count: number): void {
    const rows = this.#allOf({ hidden, count });
    this.#products.note(0, [role]);
    this.#products.project(0, this.finalNorm(hidden, count), rows, [{ role, bias: null, into }]);
  }

  #allOf(rows: Rows): Share {
    return { ...rows, first: 0, hands: this.#team };
  }

  /** How many layers a job has room for, if threads take so many rows apart; at least, about. */
  #layersInJob(count: number): number {
    const parts = this.#team.threadsLeft;
    const numbers = LAYER_NUMBERS + ROW_NUMBERS * Math.ceil(count / parts);
    return Math.floor(JOB_NUMBERS / (numbers * (parts - 1)));
  }

  get #keysAndValues(): readonly Product[] {
    return [
      { role: 'k', bias: 'kBias', into: this.#keys },
      { role: 'v', bias: 'vBias', into: this.#values },
    ];
  }

  get #queries(): Product {
    return { role: 'q', bias: 'qBias', into: this.#q };
  }

  /** A layer, whose rows also become keys and values if there are targets for them. */
  #compute(
    layer: number,
    rows: Share,
    targets: readonly KvTarget[] | null,
    queriesOf: () => readonly Query[],
  ): void {
    this.#projectNormed(layer, rows, [...(targets ? this.#keysAndValues : []), this.#queries]);
    if (targets) this.#storeKv(layer, rows, targets);
    this.#attend(layer, rows, queriesOf());
    this.#addAttended(layer, rows);
    this.#addMlp(layer, rows);
  }

  /** Products of a layer's normed input rows. */
  #projectNormed(layer: number, rows: Share, products: readonly Product[]): void {
    this.#norm('attentionNorm', layer, rows);
    this.#products.project(layer, this.#normed, rows, products);
  }

  /** Stores the keys and values that were computed last, one for each target. */
  #storeKv(layer: number, { first, hands }: Share, targets: readonly KvTarget[]): void {
    const { kvHeads, headDim } = this.#dims;
    const size = kvHeads * headDim;
    const before = 4 * padded(size) * first;
    this.#normAndRotate(hands, 'kNorm', layer, this.#keys + before, kvHeads, targets);
    for (const [row, { into }] of targets.entries()) {
      const at = before + 4 * padded(size) * row;
      this.#store(hands, this.#keys + at, into, size);
      this.#store(hands, this.#values + at, into + this.#rowBytes / 2, size);
    }
  }

  get #attendedBytes(): number {
    const { heads, headDim } = this.#dims;
    return 4 * padded(heads * headDim);
  }

  #clearAttended({ first, count, hands }: Share): void {
    hands.kernels.clear(this.#attended + this.#attendedBytes * first, this.#attendedBytes * count);
  }

  /** What the queries that were computed last read. */
  #attend(layer: number, rows: Share, queries: readonly Query[]): void {
    const { heads } = this.#dims;
    const { first, hands } = rows;
    const [type, rowBytes] = [this.#layer(layer), this.#attendedBytes];
    this.#clearAttended(rows);
    this.#normAndRotate(hands, 'qNorm', layer, this.#q + rowBytes * first, heads, queries);
    const attending: AttendingRow[] = [];
    for (const [row, query] of queries.entries()) {
      const before = rowBytes * (first + row);
      const [q, into] = [this.#q + before, this.#attended + before];
      if (query.evicting) this.#evictingAttention.attend(type, q, query, query.evicting, into);
      else if (query.onAttention) this.#attendAndTell(type, q, query, query.onAttention, into);
      else attending.push({ q, runs: this.#visibleRuns(type, query), into });
    }
    // One thread's calls may be made later: then the table of neighbors would be that of another layer.
    const together = hands === this.#team ? [attending] : attending.map((row) => [row]);
    for (const some of together) attendRows(this.#memory, hands, this.#dims, this.#attention, some);
  }

  /** Projects what attention read, onto the rows. */
  #addAttended(layer: number, rows: Share): void {
    const output: Product = { role: 'o', bias: 'oBias', into: rows.hidden };
    this.#products.project(layer, this.#attended, rows, [output], true);
  }

  #addMlp(layer: number, rows: Share): void {
    const { intermediateSize } = this.#dims;
    this.#norm('mlpNorm', layer, rows);
    const gateAndUp: readonly Product[] = [
      { role: 'gate', bias: 'gateBias', into: this.#gate },
      { role: 'up', bias: 'upBias', into: this.#up },
    ];
    this.#products.project(layer, this.#normed, rows, gateAndUp, false, (kernels, at, bytes) => {
      for (let row = rows.first; row < rows.first + rows.count; row++) {
        const from = 4 * padded(intermediateSize) * row + at;
        kernels.swiglu(this.#gate + from, this.#up + from, bytes);
      }
    });
    const down: Product = { role: 'down', bias: 'downBias', into: rows.hidden };
    this.#products.project(layer, this.#gate, rows, [down], true);
  }

  /** One query row, and what it reads. */
  #attendAndTell(type: LayerType, q: Address, query: Query, onAttention: OnAttention, into: Address): void {
    const runs = this.#visibleRuns(type, query);
    attendRows(this.#memory, this.#team, this.#dims, this.#attention, [{ q, runs, into }]);
    const { from } = visibleKeys(query.position, maskOf(this.#options.sharing, type));
    const { heads, kvHeads } = this.#dims;
    const { scores, stride } = this.#attention;
    const factorOf = (head: number) => this.#memory.floats(scores + stride * (head + 1) - 4, 1)[0] ?? 0;
    const softened = { memory: this.#memory, scores, stride, heads, kvHeads, keys: keysOf(runs) };
    onAttention(
      type.index,
      readAttention(
        softened,
        (_, key) => from + key,
        (head) => [factorOf(head), 0],
      ),
    );
  }

  /** Where the keys and values that a query sees lie: at most the two ends of a ring, and the turn's. */
  #visibleRuns(layer: LayerType, { position, stores, fresh }: Query): readonly Run[] {
    const { from, to } = visibleKeys(position, maskOf(this.#options.sharing, layer));
    const owner = layer.readsFrom;
    const store = stores.get(owner);
    if (!store) throw new Error(`layer ${owner} owns no KV`);
    const runsIn = (address: Address, slots: SlotLayout, first: number, end: number) =>
      slotRuns(slots, first, end).map(({ slot, rows }): Run => ({
        address: address + slot * this.#rowBytes,
        rows,
      }));
    if (!fresh) return runsIn(store.address, store.slots, from, to);
    return [
      ...runsIn(store.address, store.slots, from, Math.min(to, fresh.start)),
      ...runsIn(fresh.rows.get(owner) ?? 0, fresh.slots, Math.max(from, fresh.start), to),
    ];
  }

  /** Norms rows, into the same rows of {@link WasmLayers.#normed}. */
  #norm(role: WeightRole, layer: number, { hidden, first, count, hands }: Share): void {
    const { hiddenSize, rmsNormEps } = this.#dims;
    const stride = 4 * padded(hiddenSize);
    const gain = this.#weights.get(role, layer).address;
    const before = stride * first;
    const [x, y] = [hidden + before, this.#normed + before];
    hands.kernels.rmsNorm(x, stride, gain, hiddenSize, rmsNormEps, y, stride, count);
  }

  #normAndRotate(
    { kernels }: Hands,
    role: WeightRole,
    layer: number,
    x: Address,
    heads: number,
    rows: readonly { readonly rope: number | null }[],
  ): void {
    const { headDim, rmsNormEps } = this.#dims;
    const gain = this.#weights.find(role, layer);
    for (const [row, { rope }] of rows.entries()) {
      const at = x + 4 * padded(heads * headDim) * row;
      if (gain) kernels.normHeads(at, gain.address, heads, headDim, rmsNormEps);
      if (rope !== null) kernels.rotate(at, this.#rope + 4 * headDim * rope, heads, headDim);
    }
  }

  #store({ kernels }: Hands, x: Address, into: Address, numbers: number): void {
    if (this.#options.kvPrecision === 'f16') kernels.storeHalves(x, into, numbers);
    else kernels.copy(x, into, 4 * numbers);
  }

  #layer(layer: number): LayerType {
    const type = this.#options.sharing.layers[layer];
    if (!type) throw new RangeError(`layer ${layer} of ${this.#options.sharing.layers.length}`);
    return type;
  }
}
