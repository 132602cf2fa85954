import { maskOf } from '../kv/mask.ts';
import { groupsOf, passesOf, type Group } from '../plan/forward-plan.ts';
import { kvRowBytes, kvRowsAllocated, type KvPrecision } from '../kv/usage.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { ownersReadFromBelow } from '../plan/movement.ts';
import { RingReach } from '../kv/ring-reach.ts';
import { ropeTable } from '../plan/rope.ts';
import { kvOwners, type Sharing } from '../plan/sharing.ts';
import { attend, type ReadKv } from './attention.ts';
import type { CpuWeights } from '../cpu/weights.ts';
import type { Decoder, TurnOptions } from '../cpu/decoder.ts';
import { KvRows } from './kv-rows.ts';
import { addTo, headsOf, project, rmsNorm, rotate, swiglu } from './math.ts';
import { movements } from '../cpu/movements.ts';

/** The oracle: what docs/semantics.md defines, in plain TypeScript, as directly as it can be written. */
export class CpuDecoder implements Decoder {
  readonly #dims: ModelDims;
  readonly #weights: CpuWeights;
  readonly #sharing: Sharing;
  readonly #precision: KvPrecision;
  readonly #caches: ReadonlyMap<number, KvRows>;
  readonly #rope: Float32Array;
  readonly #reach: RingReach;
  #tokens = 0;

  constructor(
    dims: ModelDims,
    weights: CpuWeights,
    sharing: Sharing,
    kvPrecision: KvPrecision,
    capacityTokens: number,
  ) {
    this.#dims = dims;
    this.#weights = weights;
    this.#sharing = sharing;
    this.#precision = kvPrecision;
    this.#rope = ropeTable(dims.rope, dims.headDim, capacityTokens);
    this.#caches = new Map(
      kvOwners(sharing.layers).map((owner) => [
        owner.layer,
        this.#newRows(kvRowsAllocated(owner, capacityTokens, sharing.windowTokens)),
      ]),
    );
    const rings = [...this.#caches.values()].map(({ rows }) => rows).filter((rows) => rows < capacityTokens);
    this.#reach = new RingReach(Math.min(...rings));
  }

  rewind(tokens: number): boolean {
    this.#tokens = tokens;
    return this.#reach.reaches(tokens, this.#sharing.windowTokens);
  }

  get tokens(): number {
    return this.#tokens;
  }

  get kvBytes(): number {
    return [...this.#caches.values()].reduce((sum, rows) => sum + rows.bytes, 0);
  }

  get allocatedBytes(): number {
    return this.kvBytes;
  }

  close(): void {
    // Nothing but JavaScript's own memory was taken.
  }

  step(token: number): Float32Array {
    const position = this.#tokens++;
    this.#reach.wrote(this.#tokens);
    const hidden = this.#embed(token);
    for (const { index } of this.#sharing.layers) {
      const normed = this.#attentionInput(index, hidden);
      const own = this.#caches.get(index);
      own?.write(position % own.rows, this.#keysAndValues(index, normed, position));
      this.#finishLayer(index, hidden, normed, position, this.#cached(this.#ownerOf(index)));
    }
    return hidden;
  }

  async parallel(
    tokens: readonly number[],
    { passes, breathe, onMovement }: TurnOptions,
  ): Promise<Float32Array[]> {
    const start = this.#tokens;
    let hidden = tokens.map((token) => this.#embed(token));

    // The new positions' KV: zero until a layer computes it, and then the newest pass's.
    const turn = new Map([...this.#caches.keys()].map((owner) => [owner, this.#newRows(tokens.length)]));
    const readerOf = (owner: number): ReadKv => {
      const cached = this.#cached(owner);
      const fresh = turn.get(owner);
      return (position, part, into) => {
        if (position < start) cached(position, part, into);
        else fresh?.read(position - start, into, part * into.length);
      };
    };

    const groups = groupsOf(this.#sharing.layers);
    const work = groups.reduce((sum, g) => sum + (g.stop - g.start) * passesOf(g, passes), 0);
    let done = 0;
    for (const group of groups) {
      let output = hidden;
      const relative: number[] = [];
      for (let pass = 0; pass < passesOf(group, passes); pass++) {
        output = hidden.map((row) => row.slice());
        const before = onMovement && group.iterated ? this.#rowsReadFromBelow(group, turn) : null;
        for (let layer = group.start; layer < group.stop; layer++) {
          const normed = output.map((row) => this.#attentionInput(layer, row));
          normed.forEach((row, i) => turn.get(layer)?.write(i, this.#keysAndValues(layer, row, start + i)));
          const read = readerOf(this.#ownerOf(layer));
          for (const [i, row] of output.entries()) {
            this.#finishLayer(layer, row, normed[i] as Float32Array, start + i, read);
            await breathe((done + (i + 1) / output.length) / work);
          }
          done++;
        }
        if (before) relative.push(...movements(before, this.#rowsReadFromBelow(group, turn)));
      }
      if (group.iterated) {
        onMovement?.({ group, passes: passesOf(group, passes), relative: Float32Array.from(relative) });
      }
      hidden = output;
    }

    const row = new Float32Array(this.#rowSize);
    for (const [owner, cache] of this.#caches) {
      for (let i = 0; i < tokens.length; i++) {
        turn.get(owner)?.read(i, row);
        cache.write((start + i) % cache.rows, row);
      }
    }
    this.#tokens += tokens.length;
    this.#reach.wrote(this.#tokens);
    return hidden;
  }

  logits(hidden: Float32Array): Float32Array {
    const normed = rmsNorm(hidden, this.#weights.get('finalNorm'), this.#dims.rmsNormEps);
    return project(this.#weights.get(this.#dims.tiedEmbeddings ? 'embed' : 'head'), normed);
  }

  // One layer ---------------------------------------------------------------------------------------------------

  #embed(token: number): Float32Array {
    const { hiddenSize } = this.#dims;
    return this.#weights.get('embed').slice(token * hiddenSize, (token + 1) * hiddenSize);
  }

  #attentionInput(layer: number, hidden: Float32Array): Float32Array {
    return rmsNorm(hidden, this.#weights.get('attentionNorm', layer), this.#dims.rmsNormEps);
  }

  /** `[(keys, values), kvHeads, headDim]`, keys rotated. */
  #keysAndValues(layer: number, normed: Float32Array, position: number): Float32Array {
    const w = this.#weights;
    const keys = project(w.get('k', layer), normed, w.find('kBias', layer));
    this.#normAndRotate(keys, w.find('kNorm', layer), position);
    const row = new Float32Array(this.#rowSize);
    row.set(keys);
    row.set(project(w.get('v', layer), normed, w.find('vBias', layer)), keys.length);
    return row;
  }

  /** Attention and MLP, onto `hidden`. */
  #finishLayer(
    layer: number,
    hidden: Float32Array,
    normed: Float32Array,
    position: number,
    read: ReadKv,
  ): void {
    const w = this.#weights;
    const q = project(w.get('q', layer), normed, w.find('qBias', layer));
    this.#normAndRotate(q, w.find('qNorm', layer), position);
    const attended = attend(q, position, maskOf(this.#sharing, this.#layer(layer)), this.#dims, read);
    addTo(hidden, project(w.get('o', layer), attended, w.find('oBias', layer)));

    const input = rmsNorm(hidden, w.get('mlpNorm', layer), this.#dims.rmsNormEps);
    const gate = project(w.get('gate', layer), input, w.find('gateBias', layer));
    const up = project(w.get('up', layer), input, w.find('upBias', layer));
    addTo(hidden, project(w.get('down', layer), swiglu(gate, up), w.find('downBias', layer)));
  }

  #normAndRotate(row: Float32Array, gain: Float32Array | undefined, position: number): void {
    const { headDim, rmsNormEps } = this.#dims;
    const table = this.#rope.subarray(position * headDim, (position + 1) * headDim);
    for (const head of headsOf(row, headDim)) {
      if (gain) head.set(rmsNorm(head, gain, rmsNormEps));
      rotate(head, table);
    }
  }

  // The caches --------------------------------------------------------------------------------------------------

  #cached(owner: number): ReadKv {
    const rows = this.#caches.get(owner);
    return (position, part, into) => rows?.read(position % rows.rows, into, part * into.length);
  }

  /** What the layers of a group read from below, of every new position: `[rows][owner]`. */
  #rowsReadFromBelow(group: Group, turn: ReadonlyMap<number, KvRows>): Float32Array[][] {
    const owners = ownersReadFromBelow(this.#sharing, group).flatMap((owner) => turn.get(owner) ?? []);
    return Array.from({ length: owners[0]?.rows ?? 0 }, (_, slot) =>
      owners.map((rows) => {
        const row = new Float32Array(this.#rowSize);
        rows.read(slot, row);
        return row;
      }),
    );
  }

  #newRows(rows: number): KvRows {
    return new KvRows(rows, this.#rowSize, this.#precision);
  }

  get #rowSize(): number {
    return kvRowBytes(this.#dims, 'f32') / 4;
  }

  #ownerOf(layer: number): number {
    return this.#layer(layer).readsFrom;
  }

  #layer(layer: number) {
    const type = this.#sharing.layers[layer];
    if (!type) throw new RangeError(`layer ${layer} of ${this.#sharing.layers.length}`);
    return type;
  }
}
