import type { PlanOptions } from '../backend.ts';
import type { HeadAttention, OnAttention } from '../kv/head-attention.ts';
import { maskOf, visibleKeys } from '../kv/mask.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { gumbelTable, noiseOfQuery } from '../kv/policies/noise.ts';
import type { PolicyRun } from '../kv/policies/policy-run.ts';
import { slotRuns, type SlotLayout } from '../kv/slots.ts';
import { kvRowBytes } from '../kv/usage.ts';
import { ropeTable } from '../plan/rope.ts';
import type { WeightRole } from '../plan/weight-specs.ts';
import { attendRows, keysOf, type AttendingRow, type AttentionScratch, type Run } from './attend-rows.ts';
import type { EvictingStore } from './evicting-store.ts';
import type { Address, Kernels } from './kernels.ts';
import type { Recall } from './less.ts';
import { scratchBytes, type WorkSizes } from './layer-scratch.ts';
import type { LinearMemory } from './linear-memory.ts';
import { padded } from '../numbers/panels.ts';
import { Products, type Product } from './products.ts';
import type { PlanWeights } from './plan-weights.ts';
import type { Team } from './threads/team.ts';
import { readAttention, seenIn, type PositionOf } from './read-attention.ts';

/** Hidden states, `[count, hiddenSize]`, padded: of neighboring positions, or of several texts. */
export interface Rows {
  readonly hidden: Address;
  readonly count: number;
}

/** Where a row's key and value go, and which angle turns the key; null if it is cached unrotated. */
export interface KvTarget {
  readonly into: Address;
  readonly rope: number | null;
}

/** What one row of a block attends to. */
export interface Query {
  readonly position: number;
  readonly rope: number;
  /** The stores of its text, by owner. */
  readonly stores: ReadonlyMap<number, Store>;
  /** KV of its turn that is not cached yet. */
  readonly fresh: FreshRows | null;
  /** The store that it reads, under a policy. */
  readonly evicting: Evicting | null;
  /** Receives what the row reads. */
  readonly onAttention?: OnAttention | undefined;
}

/** The memory of a store: keys and values by slot. */
export interface Store {
  readonly address: Address;
  readonly slots: SlotLayout;
}

/** Keys and values of a turn that are not in the stores yet, by owner; the first row is the position `start`. */
export interface FreshRows {
  readonly start: number;
  readonly count: number;
  readonly slots: SlotLayout;
  readonly rows: ReadonlyMap<number, Address>;
}

/** What a layer needs to attend to a store under a policy. */
export interface Evicting {
  readonly store: EvictingStore;
  readonly run: PolicyRun;
  /** The first position of the turn that is being read; null while decoding. */
  readonly promptStart: number | null;
  /** Which queries add to the scores. */
  readonly scored: (row: number) => boolean;
  /** What the layer makes of the rows that are gone; null if it does without. */
  readonly recall: Recall | null;
}

/** The layers of one plan over blocks of rows, with the scratch that they work in. Several texts may share them. */
export class WasmLayers {
  /** What the products with matrices have taken so far. */
  readonly work: Products['work'];
  readonly #memory: LinearMemory;
  readonly #team: Team;
  readonly #kernels: Kernels;
  readonly #dims: ModelDims;
  readonly #weights: PlanWeights;
  readonly #products: Products;
  readonly #options: PlanOptions;
  readonly #rope: Address;
  readonly #scoreStride: number;
  readonly #rowBytes: number;
  // Scratch of a block, rows padded.
  readonly #normed: Address; //   [block, hiddenSize]
  readonly #q: Address; //        [block, heads, headDim]
  readonly #attended: Address; // [block, heads, headDim]
  readonly #keys: Address; //     [block, kvHeads, headDim]
  readonly #values: Address; //   [block, kvHeads, headDim]
  readonly #gate: Address; //     [block, intermediateSize]
  readonly #up: Address; //       [block, intermediateSize]
  readonly #table: Address; //    [block], of attending rows
  readonly #scores: Address; //   [threads, heads of a row or more, capacity]
  readonly #widened: Address; //  [threads, 32, headDim]
  // For Keyformer's scores; 0 if nothing needs them.
  readonly #noisy: Address; //    [heads, capacity]
  readonly #hashes: Address; //   [heads]
  readonly #gumbel: Address; //   the table of kv/policies/noise.ts
  readonly #sums: Address; //     [heads, (maximum, Σ exp)], for LESS; 0 likewise

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
    this.#kernels = team.kernels;
    this.#dims = dims;
    this.#weights = weights;
    this.#options = options;
    this.#rowBytes = kvRowBytes(dims, kvPrecision);
    this.#scoreStride = 4 * padded(sizes.mostRowsSeen);

    const bytes = scratchBytes(dims, blockRows, sizes);
    const at = (what: keyof typeof bytes) => (bytes[what] > 0 ? take(what, bytes[what]) : 0);
    this.#normed = at('normed');
    this.#q = at('q');
    this.#attended = at('attended');
    this.#keys = at('keys');
    this.#values = at('values');
    this.#gate = at('gate');
    this.#up = at('up');
    this.#table = at('attending rows');
    this.#scores = at('scores');
    this.#widened = at('widened');
    this.#products = new Products(team, dims, weights, {
      beside: at('rows beside each other'),
      quantized: at('quantized rows'),
      wide: at('widened weights'),
    });
    this.work = this.#products.work;
    this.#noisy = at('noisy scores');
    this.#hashes = at('hashes');
    this.#gumbel = at('noise');
    if (sizes.noisy) memory.floats(this.#gumbel, gumbelTable.length).set(gumbelTable);
    this.#sums = at('sums');
    this.#rope = at('rope');
    const table = ropeTable(dims.rope, dims.headDim, sizes.angles);
    memory.floats(this.#rope, table.length).set(table);
  }

  /** The table of angles, `[angles, headDim / 2, (cos, sin)]`, and room to widen four heads. */
  get scratch(): { readonly rope: Address; readonly widened: Address } {
    return { rope: this.#rope, widened: this.#widened };
  }

  /** The keys that {@link writeKv} computed for one row, in float32 and rotated if it rotated them. */
  keysOf(row: number): Float32Array {
    const { kvHeads, headDim } = this.#dims;
    const size = kvHeads * headDim;
    return this.#memory.floats(this.#keys + 4 * padded(size) * row, size);
  }

  /** Writes the keys and values that a layer computes from its input rows, each to its target. */
  writeKv(layer: number, { hidden }: Rows, targets: readonly KvTarget[]): void {
    this.#projectNormed(layer, { hidden, count: targets.length }, this.#keysAndValues);
    this.#storeKv(layer, targets);
  }

  /**
   * A layer whose rows become keys, values and queries at once: what {@link writeKv} and {@link finish} do, with three
   * products of one normed input.
   *
   * @param queriesOf one query for each row; called when the keys and values are written
   */
  step(layer: number, rows: Rows, targets: readonly KvTarget[], queriesOf: () => readonly Query[]): void {
    this.#projectNormed(layer, rows, [...this.#keysAndValues, this.#queries]);
    this.#storeKv(layer, targets);
    this.#attend(layer, rows, queriesOf());
    this.#addAttended(layer, rows);
    this.#addMlp(layer, rows);
  }

  /**
   * Attention and MLP of a layer, onto its rows.
   *
   * @param queries one for each row; `zeros` if everything that the layer sees is zero
   */
  finish(layer: number, rows: Rows, queries: readonly Query[] | 'zeros'): void {
    if (queries === 'zeros') {
      this.#clearAttended(rows.count);
      // Attention over zeros adds nothing but the output's bias.
      if (this.#dims.outputBias) this.#addAttended(layer, rows);
    } else {
      this.#projectNormed(layer, rows, [this.#queries]);
      this.#attend(layer, rows, queries);
      this.#addAttended(layer, rows);
    }
    this.#addMlp(layer, rows);
  }

  /** The final norm of hidden states, at most a block of them. Where it leaves them, the next call overwrites them. */
  finalNorm(hidden: Address, count: number): Address {
    this.#norm('finalNorm', 0, { hidden, count });
    return this.#normed;
  }

  /** The final norm of hidden states, and their projection. */
  normAndProject(hidden: Address, role: WeightRole, into: Address, count: number): void {
    this.#products.project(0, this.finalNorm(hidden, count), count, [{ role, bias: null, into }]);
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

  /** Products of a layer's normed input rows. */
  #projectNormed(layer: number, rows: Rows, products: readonly Product[]): void {
    this.#norm('attentionNorm', layer, rows);
    this.#products.project(layer, this.#normed, rows.count, products);
  }

  /** Stores the keys and values that were computed last, one for each target. */
  #storeKv(layer: number, targets: readonly KvTarget[]): void {
    const { kvHeads, headDim } = this.#dims;
    const size = kvHeads * headDim;
    this.#normAndRotate('kNorm', layer, this.#keys, kvHeads, targets);
    for (const [row, { into }] of targets.entries()) {
      this.#store(this.#keys + 4 * padded(size) * row, into, size);
      this.#store(this.#values + 4 * padded(size) * row, into + this.#rowBytes / 2, size);
    }
  }

  get #attendedBytes(): number {
    const { heads, headDim } = this.#dims;
    return 4 * padded(heads * headDim);
  }

  #clearAttended(count: number): void {
    this.#memory.clear(this.#attended, this.#attendedBytes * count);
  }

  /** What the queries that were computed last read. */
  #attend(layer: number, { count }: Rows, queries: readonly Query[]): void {
    const { heads } = this.#dims;
    const [type, rowBytes] = [this.#layer(layer), this.#attendedBytes];
    this.#clearAttended(count);
    this.#normAndRotate('qNorm', layer, this.#q, heads, queries);
    const attending: AttendingRow[] = [];
    for (const [row, query] of queries.entries()) {
      const [q, into] = [this.#q + rowBytes * row, this.#attended + rowBytes * row];
      if (query.evicting) this.#attendEvicting(type, q, query, query.evicting, into);
      else if (query.onAttention) this.#attendAndTell(type, q, query, query.onAttention, into);
      else attending.push({ q, runs: this.#visibleRuns(type, query), into });
    }
    attendRows(this.#memory, this.#team, this.#dims, this.#attention, attending);
  }

  /** Projects what attention read, onto the rows. */
  #addAttended(layer: number, { hidden, count }: Rows): void {
    const output: Product = { role: 'o', bias: 'oBias', into: hidden };
    this.#products.project(layer, this.#attended, count, [output], true);
  }

  #addMlp(layer: number, rows: Rows): void {
    const { intermediateSize } = this.#dims;
    const { hidden, count } = rows;
    this.#norm('mlpNorm', layer, rows);
    const gateAndUp: readonly Product[] = [
      { role: 'gate', bias: 'gateBias', into: this.#gate },
      { role: 'up', bias: 'upBias', into: this.#up },
    ];
    this.#products.project(layer, this.#normed, count, gateAndUp, false, (kernels, at, bytes) => {
      for (let row = 0; row < count; row++) {
        const from = 4 * padded(intermediateSize) * row + at;
        kernels.swiglu(this.#gate + from, this.#up + from, bytes);
      }
    });
    const down: Product = { role: 'down', bias: 'downBias', into: hidden };
    this.#products.project(layer, this.#gate, count, [down], true);
  }

  /** One query row, and what it reads. */
  #attendAndTell(type: LayerType, q: Address, query: Query, onAttention: OnAttention, into: Address): void {
    const runs = this.#visibleRuns(type, query);
    attendRows(this.#memory, this.#team, this.#dims, this.#attention, [{ q, runs, into }]);
    const { from } = visibleKeys(query.position, maskOf(this.#options.sharing, type));
    onAttention(
      type.index,
      this.#softened(keysOf(runs), (_, key) => from + key, null),
    );
  }

  get #attention(): AttentionScratch {
    const [scores, widened, stride] = [this.#scores, this.#widened, this.#scoreStride];
    const half = this.#options.kvPrecision === 'f16';
    return { table: this.#table, scores, widened, stride, rowBytes: this.#rowBytes, half };
  }

  /** One query row over what it sees of a store under a policy, whose scores it adds to. */
  #attendEvicting(
    type: LayerType,
    q: Address,
    { position, onAttention }: Query,
    { store, run, promptStart, scored, recall }: Evicting,
    into: Address,
  ): void {
    const { heads, kvHeads, headDim } = this.#dims;
    const [stride, kernels, widened] = [this.#scoreStride, this.#kernels, this.#widened];
    const mask = maskOf(this.#options.sharing, type);
    const { from, to } = visibleKeys(position, mask);
    const older = promptStart === null ? store.count : store.held;
    const firstNew = Math.max(from, promptStart ?? to);
    const runs = [
      { slot: 0, rows: older, at: this.#scores },
      {
        slot: store.held + firstNew - (promptStart ?? to),
        rows: Math.max(0, to - firstNew),
        at: this.#scores + 4 * older,
      },
    ].filter(({ rows }) => rows > 0);
    const keys = runs.reduce((sum, { rows }) => sum + rows, 0);
    if (keys === 0 && !recall) {
      onAttention?.(
        type.index,
        this.#softened(0, () => null, null),
      );
      return;
    }
    for (const { slot, rows, at } of runs) {
      const { address, half, rowBytes } = store.keysFrom(slot);
      kernels.scoreKeys(half, q, heads, kvHeads, headDim, address, rowBytes, rows, at, stride, widened);
    }
    const positionsFrom = (slot: number) => store.positionsAt + 4 * slot;
    // Only a store whose readers all have a window may hold fewer rows in one KV head than in another; and a layer that
    // does not see its own position may read before the owner has written. In all other cases no slot is free.
    if (older > 0 && (type.windowed || !mask.diagonal)) {
      const positions = positionsFrom(0);
      kernels.maskScores(this.#scores, stride, heads, kvHeads, older, positions, store.strideBytes, from, to);
    }
    const { scoring, policy, tau } = run;
    const adds = scoring?.from === 'attention' && scored(position);
    const noisy = adds && scoring.noisy;
    if (noisy) {
      const hashes = this.#memory.floats(this.#hashes, heads);
      const words = new Uint32Array(hashes.buffer, hashes.byteOffset, heads);
      for (let head = 0; head < heads; head++) {
        words[head] = noiseOfQuery(policy.seed, type.index, head, position);
      }
      for (const { slot, rows, at } of runs) {
        kernels.addNoise(
          at,
          stride,
          heads,
          kvHeads,
          rows,
          positionsFrom(slot),
          store.strideBytes,
          this.#hashes,
          this.#gumbel,
          tau,
          this.#noisy + (at - this.#scores),
        );
      }
      kernels.soften(this.#noisy, stride, heads, keys);
    }
    if (recall) kernels.sumExponentials(this.#scores, stride, heads, keys, this.#sums);
    kernels.soften(this.#scores, stride, heads, keys);
    for (const { slot, rows, at } of runs) {
      const half = this.#options.kvPrecision === 'f16';
      const rowBytes = this.#rowBytes;
      const values = store.rowsFrom(slot) + rowBytes / 2;
      kernels.mixValues(half, at, stride, heads, kvHeads, headDim, values, rowBytes, rows, into, widened);
      if (!adds) continue;
      const probabilities = noisy ? this.#noisy + (at - this.#scores) : at;
      const sums = store.scoresAt + 4 * slot;
      kernels.addProbabilities(probabilities, stride, heads, kvHeads, rows, sums, store.strideBytes);
    }
    recall?.(q, this.#sums, into);
    if (!onAttention) return;
    const seen = seenIn(this.#memory, store, runs, { from, to });
    onAttention(type.index, this.#softened(keys, seen, recall && this.#sums));
  }

  /** What each head reads, once the scores of a row are probabilities. See {@link readAttention}. */
  #softened(keys: number, positionOf: PositionOf, sums: Address | null): readonly HeadAttention[] {
    const { heads, kvHeads } = this.#dims;
    const [memory, scores, stride] = [this.#memory, this.#scores, this.#scoreStride];
    return readAttention({ memory, scores, stride, heads, kvHeads, keys }, positionOf, sums);
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

  #norm(role: WeightRole, layer: number, { hidden, count }: Rows): void {
    const { hiddenSize, rmsNormEps } = this.#dims;
    const stride = 4 * padded(hiddenSize);
    const gain = this.#weights.get(role, layer).address;
    this.#kernels.rmsNorm(hidden, stride, gain, hiddenSize, rmsNormEps, this.#normed, stride, count);
  }

  #normAndRotate(
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
      if (gain) this.#kernels.normHeads(at, gain.address, heads, headDim, rmsNormEps);
      if (rope !== null) this.#kernels.rotate(at, this.#rope + 4 * headDim * rope, heads, headDim);
    }
  }

  #store(x: Address, into: Address, numbers: number): void {
    if (this.#options.kvPrecision === 'f16') this.#kernels.storeHalves(x, into, numbers);
    else this.#memory.copy(x, into, 4 * numbers);
  }

  #layer(layer: number): LayerType {
    const type = this.#options.sharing.layers[layer];
    if (!type) throw new RangeError(`layer ${layer} of ${this.#options.sharing.layers.length}`);
    return type;
  }
}
