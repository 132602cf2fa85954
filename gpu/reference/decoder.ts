import type { SessionOptions } from '../backend.ts';
import type { Decoder, StepWatch, Turn, TurnOptions } from '../cpu/decoder.ts';
import { movements } from '../cpu/movements.ts';
import type { CpuWeights } from '../cpu/weights.ts';
import { newEvictingCache } from '../kv/evicting-cache.ts';
import type { HeadAttention, OnAttention } from '../kv/head-attention.ts';
import { maskOf, sees } from '../kv/mask.ts';
import { keepEverything } from '../kv/policies/keep-everything.ts';
import { stateBytes } from '../kv/policies/less-kernels.ts';
import { PolicyRun } from '../kv/policies/policy-run.ts';
import type { StoreRows } from '../kv/store-rows.ts';
import { KvStores } from '../kv/stores.ts';
import { groupsOf, passesOf, type Group } from '../plan/forward-plan.ts';
import { frozenAfter, mayFreeze, withFrozen } from '../kv/freezing.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { ownersReadFromBelow } from '../plan/movement.ts';
import { ropeTable } from '../plan/rope.ts';
import type { WeightRole } from '../plan/weight-specs.ts';
import { attendHead } from './attention.ts';
import { HeldRows } from './held-rows.ts';
import { addTo, headsOf, project, rmsNorm, rotate, swiglu } from './math.ts';
import { LessState } from './less-state.ts';
import { Scores } from './scores.ts';

/**
 * The oracle: what docs/semantics.md and docs/policies.md define, in plain TypeScript, as directly as it can be written.
 * A store is a list of rows for each KV head. It has no slots.
 */
export class CpuDecoder implements Decoder {
  readonly stores: KvStores;
  readonly #dims: ModelDims;
  readonly #weights: CpuWeights;
  readonly #options: SessionOptions;
  readonly #run: PolicyRun;
  readonly #scores: Scores;
  readonly #held: ReadonlyMap<number, HeldRows>;
  /** By owner; empty without LESS. */
  readonly #states: ReadonlyMap<number, LessState>;
  readonly #rope: Float32Array;
  /** What the stores held when the prompt began that is being read. */
  readonly #beforePrompt = new Map<number, HeldRows>();
  #tokens = 0;

  constructor(dims: ModelDims, weights: CpuWeights, options: SessionOptions) {
    const { sharing, kvPrecision, capacityTokens, eviction } = options;
    this.#dims = dims;
    this.#weights = weights;
    this.#options = options;
    this.#run = new PolicyRun(eviction?.policy ?? keepEverything, eviction?.scored ?? false);
    this.#scores = new Scores(this.#run);
    this.#rope = ropeTable(dims.rope, dims.headDim, capacityTokens);
    this.stores = new KvStores(
      sharing,
      dims,
      kvPrecision,
      capacityTokens,
      (_, slots, rowBytes) => ({ bytes: slots * rowBytes, firstSlot: 0 }),
      eviction && {
        make: (facts) =>
          newEvictingCache(facts, eviction, 0, (slots) => {
            const { kernels } = eviction;
            return slots * facts.rowBytes + (kernels ? stateBytes(kernels, facts.owner) : 0);
          }),
      },
    );
    this.#held = new Map(this.stores.caches.map(({ owner }) => [owner, this.#newRows()]));
    const kernels = eviction?.kernels;
    this.#states = new Map(
      kernels && [...kernels.psi].map(([owner, psi]) => [owner, new LessState(kernels, psi, dims)]),
    );
  }

  rewind(tokens: number): boolean {
    this.#tokens = tokens;
    // Scores, too, become what they were before a prompt that was not read to its end.
    for (const [owner, rows] of this.#beforePrompt) this.#heldBy(owner).take(rows);
    this.#beforePrompt.clear();
    for (const held of this.#held.values()) held.dropFrom(tokens);
    return this.stores.rewind(tokens);
  }

  get tokens(): number {
    return this.#tokens;
  }

  get allocatedBytes(): number {
    return this.stores.bytesAllocated;
  }

  close(): void {
    // All memory is JavaScript's own.
  }

  startPrompt(): void {
    this.#run.promptStarts();
    if (!this.#options.eviction) return;
    for (const [owner, held] of this.#held) this.#beforePrompt.set(owner, held.andZeros(0, 0));
  }

  endPrompt(): void {
    this.#run.promptEnded(this.#tokens);
    this.#beforePrompt.clear();
    this.#cut();
  }

  feed(token: number): Float32Array {
    this.#run.tokenFed();
    const hidden = this.step(token);
    this.#cut();
    return hidden;
  }

  step(token: number, { onState, onAttention }: StepWatch = {}): Float32Array {
    const position = this.#tokens++;
    this.stores.written(this.#tokens);
    this.#scores.startQuery([...this.#held.values()]);
    const hidden = this.#embed(token);
    onState?.(hidden);
    for (const layer of this.#options.sharing.layers) {
      const normed = this.#attentionInput(layer.index, hidden);
      const own = this.#held.get(layer.index);
      if (own) this.#writeRow(layer.index, normed, position, own);
      const read = this.#heldBy(layer.readsFrom);
      this.#finishLayer(layer, hidden, normed, position, read, true, onAttention);
      onState?.(hidden);
    }
    return hidden;
  }

  async parallel(
    { tokens, onMovement, onHidden, onAttention }: Turn,
    { passes, breathe }: TurnOptions,
  ): Promise<Float32Array[]> {
    const start = this.#tokens;
    let hidden = tokens.map((token) => this.#embed(token));
    onHidden?.(0, hidden);

    // The new positions' KV: zero until a layer computes it, and then that of the newest pass.
    const turn = new Map(
      [...this.#held].map(([owner, held]) => [owner, held.andZeros(start, tokens.length)]),
    );
    this.#scores.startQuery([...turn.values()]);
    const groups = groupsOf(this.#options.sharing.layers);
    const work = groups.reduce((sum, g) => sum + (g.stop - g.start) * passesOf(g, passes), 0);
    const freezes = mayFreeze(passes, { scores: this.#run.scoring !== null, onHidden, onAttention });
    let done = 0;
    for (const group of groups) {
      let output = hidden;
      const relative: number[] = [];
      const lastPass = passesOf(group, passes) - 1;
      const watched = group.iterated && (onMovement !== undefined || freezes);
      let frozen = 0;
      for (let pass = 0; pass <= lastPass; pass++) {
        output = hidden.map((row, i) => (i < frozen ? (output[i] ?? row) : row.slice()));
        const before = watched ? this.#rowsReadFromBelow(group, turn, start + frozen) : null;
        for (const layer of this.#options.sharing.layers.slice(group.start, group.stop)) {
          const normed = output.map((hiddenRow) => this.#attentionInput(layer.index, hiddenRow));
          const own = turn.get(layer.index);
          const read = turn.get(layer.readsFrom) ?? this.#heldBy(layer.readsFrom);
          for (const [i, row] of normed.entries()) {
            if (own && i >= frozen) this.#writeRow(layer.index, row, start + i, own);
          }
          for (const [i, row] of output.entries()) {
            if (i < frozen) continue;
            const newest = i === output.length - 1;
            const scored = pass === lastPass && this.#scores.counts(newest);
            const watch = pass === lastPass && newest ? onAttention : undefined;
            this.#finishLayer(layer, row, normed[i] ?? row, start + i, read, scored, watch);
            await breathe((done + (i + 1) / output.length) / work);
          }
          if (pass === lastPass) onHidden?.(layer.index + 1, output);
          done++;
        }
        if (!before) continue;
        const moved = movements(before, this.#rowsReadFromBelow(group, turn, start + frozen));
        relative.push(...withFrozen(moved, frozen));
        if (freezes) frozen = frozenAfter(moved, frozen, this.#options.kvPrecision);
      }
      if (group.iterated) {
        onMovement?.({ group, passes: lastPass + 1, relative: Float32Array.from(relative) });
      }
      hidden = output;
    }

    for (const [owner, rows] of turn) this.#heldBy(owner).take(rows);
    this.#tokens += tokens.length;
    this.stores.written(this.#tokens);
    return hidden;
  }

  logits(hidden: Float32Array): Float32Array {
    return this.#project(this.#dims.tiedEmbeddings ? 'embed' : 'head', 0, this.finalNorm(hidden));
  }

  logitsOf(hidden: readonly Float32Array[], onRow: (index: number, logits: Float32Array) => void): void {
    for (const [i, row] of hidden.entries()) onRow(i, this.logits(row));
  }

  finalNorm(hidden: Float32Array): Float32Array {
    return rmsNorm(hidden, this.#weights.get('finalNorm'), this.#dims.rmsNormEps);
  }

  rowsHeld(): readonly StoreRows[] {
    if (!this.#options.eviction) return this.stores.rowsHeld(this.#dims.kvHeads);
    return [...this.#held].map(([owner, held]) => held.report(owner, this.#states.get(owner)));
  }

  // One layer ---------------------------------------------------------------------------------------------------

  #embed(token: number): Float32Array {
    const { hiddenSize } = this.#dims;
    return this.#weights.get('embed').slice(token * hiddenSize, (token + 1) * hiddenSize);
  }

  #project(role: WeightRole, layer: number, x: Float32Array, bias?: WeightRole): Float32Array {
    const w = this.#weights;
    return project(w.get(role, layer), w.inputOf(role, layer, x), bias && w.find(bias, layer));
  }

  #attentionInput(layer: number, hidden: Float32Array): Float32Array {
    return rmsNorm(hidden, this.#weights.get('attentionNorm', layer), this.#dims.rmsNormEps);
  }

  /** Projects the keys and values of a position, and puts them into a store. */
  #writeRow(layer: number, normed: Float32Array, position: number, into: HeldRows): void {
    const w = this.#weights;
    const { headDim } = this.#dims;
    const keys = headsOf(this.#project('k', layer, normed, 'kBias'), headDim);
    const values = headsOf(this.#project('v', layer, normed, 'vBias'), headDim);
    for (const key of keys) {
      this.#norm(key, w.find('kNorm', layer));
      if (!this.#turnsByRank) this.#rotate(key, position);
    }
    into.write(position, keys, values, this.#scores.ofKey);
  }

  /** Attention and MLP, onto `hidden`. */
  #finishLayer(
    type: LayerType,
    hidden: Float32Array,
    normed: Float32Array,
    position: number,
    read: HeldRows,
    scored: boolean,
    onAttention: OnAttention | undefined,
  ): void {
    const w = this.#weights;
    const layer = type.index;
    const q = this.#project('q', layer, normed, 'qBias');
    const { attended, heads } = this.#attend(type, q, position, read, scored);
    onAttention?.(layer, heads);
    addTo(hidden, this.#project('o', layer, attended, 'oBias'));

    const input = rmsNorm(hidden, w.get('mlpNorm', layer), this.#dims.rmsNormEps);
    const gate = this.#project('gate', layer, input, 'gateBias');
    const up = this.#project('up', layer, input, 'upBias');
    addTo(hidden, this.#project('down', layer, swiglu(gate, up), 'downBias'));
  }

  /**
   * The attention of one position over what it sees of a store.
   *
   * @param q `[heads, headDim]`, projected
   * @param scored whether this query counts for the policy
   * @returns `[heads, headDim]`, and what each head reads
   */
  #attend(
    type: LayerType,
    q: Float32Array,
    position: number,
    read: HeldRows,
    scored: boolean,
  ): { readonly attended: Float32Array; readonly heads: readonly HeadAttention[] } {
    const { headDim, heads, kvHeads } = this.#dims;
    const mask = maskOf(this.#options.sharing, type);
    const attended = new Float32Array(q.length);
    const reads: HeadAttention[] = [];
    const queries = headsOf(q, headDim);
    for (const [kvHead, rows] of read.heads.entries()) {
      const visible = [...rows.keys()].filter((rank) =>
        sees(position, rows[rank]?.position ?? Infinity, mask),
      );
      const shown = visible.flatMap((rank) => rows[rank] ?? []);
      const keys = shown.map(({ key }, i) =>
        this.#turnsByRank ? this.#rotate(key.slice(), visible[i] ?? 0) : key,
      );
      const values = shown.map(({ value }) => value);
      const angle = this.#turnsByRank ? rows.filter((row) => row.position < position).length : position;
      const group = heads / kvHeads;
      // A state has no positions, so a reader with a window does without.
      const state = type.windowed ? undefined : this.#states.get(type.readsFrom);
      const phi = this.#options.eviction?.kernels?.phi.get(type.index);
      for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
        const query = queries[head] ?? q;
        this.#norm(query, this.#weights.find('qNorm', type.index));
        this.#rotate(query, angle);
        const past = state && phi ? state.recall(phi, head, kvHead, query) : null;
        const { output, scores, probabilities, recalled } = attendHead(query, keys, values, past);
        attended.set(output, head * headDim);
        reads.push({ positions: shown.map((row) => row.position), probabilities, recalled });
        if (scored) this.#scores.add(shown, scores, { reader: type.index, head, position });
      }
    }
    return { attended, heads: reads };
  }

  #norm(head: Float32Array, gain: Float32Array | undefined): void {
    if (gain) head.set(rmsNorm(head, gain, this.#dims.rmsNormEps));
  }

  #rotate(head: Float32Array, angle: number): Float32Array {
    const { headDim } = this.#dims;
    rotate(head, this.#rope.subarray(angle * headDim, (angle + 1) * headDim));
    return head;
  }

  /** Whether ranks rotate keys and queries, instead of positions. */
  get #turnsByRank(): boolean {
    return this.#run.policy.positions === 'cache';
  }

  // The stores --------------------------------------------------------------------------------------------------

  #cut(): void {
    const { budget, jointHeads } = this.#run;
    for (const [owner, held] of this.#held) {
      const { keepsTokens } = this.stores.of(owner);
      const options = { budget, textTokens: this.#tokens, windowTokens: keepsTokens };
      const gone = held.cut(options, jointHeads);
      for (const [kvHead, rows] of gone.entries()) this.#states.get(owner)?.absorb(kvHead, rows);
    }
    this.stores.cut(this.#tokens, budget);
  }

  #newRows(): HeldRows {
    return new HeldRows(this.#dims, this.#options.kvPrecision);
  }

  #heldBy(owner: number): HeldRows {
    const held = this.#held.get(owner);
    if (!held) throw new Error(`layer ${owner} owns no KV`);
    return held;
  }

  /** What the layers of a group read from below, of every new position: `[rows][owner]`. */
  #rowsReadFromBelow(group: Group, turn: ReadonlyMap<number, HeldRows>, start: number): Float32Array[][] {
    const owners = ownersReadFromBelow(this.#options.sharing, group).flatMap(
      (owner) => turn.get(owner) ?? [],
    );
    const byOwner = owners.map((rows) => rows.flatFrom(start));
    return (byOwner[0] ?? []).map((_, i) => byOwner.flatMap((rows) => rows[i] ?? []));
  }
}
