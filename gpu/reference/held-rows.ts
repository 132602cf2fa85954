import { rowsThatStayByHead, type CutOptions } from '../kv/policies/cut.ts';
import type { StoreRows } from '../kv/store-rows.ts';
import type { KvPrecision } from '../kv/usage.ts';
import type { LessState } from './less-state.ts';
import { f16Table, toF16Bits } from '../numbers/element-type.ts';

/** A row of one KV head, with what a policy must know of it. */
export interface HeldRow {
  readonly position: number;
  /** As cached: rotated by the position, or unrotated if its rank decides the angle. */
  key: Float32Array;
  value: Float32Array;
  score: number;
}

/** The rows of a store: a list for each KV head, by ascending position. */
export class HeldRows {
  readonly heads: HeldRow[][];
  readonly #shape: { readonly kvHeads: number; readonly headDim: number };
  readonly #precision: KvPrecision;

  constructor(shape: { readonly kvHeads: number; readonly headDim: number }, precision: KvPrecision) {
    this.#shape = shape;
    this.#precision = precision;
    this.heads = Array.from({ length: shape.kvHeads }, () => []);
  }

  /** These rows, and as many zeros as a turn has positions, from `start` on. */
  andZeros(start: number, count: number): HeldRows {
    const rows = new HeldRows(this.#shape, this.#precision);
    for (const [head, held] of this.heads.entries()) {
      const zeros = Array.from({ length: count }, (_, i) => this.#row(start + i));
      rows.heads[head] = [...held.map((row) => ({ ...row })), ...zeros];
    }
    return rows;
  }

  /** Takes over the rows of a turn that was read to its end. */
  take(rows: HeldRows): void {
    for (const [head, taken] of rows.heads.entries()) this.heads[head] = taken;
  }

  /**
   * Puts the keys and values of a position.
   *
   * @param keys `[kvHeads][headDim]`, and the values alike
   * @param scoreOf the score that a key gives its row; null if attention decides
   */
  write(
    position: number,
    keys: readonly Float32Array[],
    values: readonly Float32Array[],
    scoreOf: ((key: Float32Array) => number) | null,
  ): void {
    for (const [head, rows] of this.heads.entries()) {
      let row = rows.findLast((each) => each.position === position);
      if (!row) rows.push((row = this.#row(position)));
      row.key = this.#asCached(keys[head] ?? row.key);
      row.value = this.#asCached(values[head] ?? row.value);
      if (scoreOf) row.score = scoreOf(row.key);
    }
  }

  /** Drops the rows from a position on. */
  dropFrom(position: number): void {
    for (const [head, rows] of this.heads.entries()) {
      this.heads[head] = rows.filter((row) => row.position < position);
    }
  }

  /**
   * @param joint whether one decision, by the sum of the scores, holds for all heads
   * @returns the rows of each KV head that are gone
   */
  cut(options: CutOptions, joint: boolean): readonly (readonly HeldRow[])[] {
    const stays = rowsThatStayByHead(this.heads, options, joint);
    return this.heads.map((rows, head) => {
      this.heads[head] = rows.filter((_, i) => stays[head]?.[i]);
      return rows.filter((_, i) => !stays[head]?.[i]);
    });
  }

  /** Keys and values of every position from `start` on: `[(keys, values), kvHeads, headDim]` each. */
  flatFrom(start: number): Float32Array[] {
    const { kvHeads, headDim } = this.#shape;
    const fresh = this.heads.map((rows) => rows.filter(({ position }) => position >= start));
    return (fresh[0] ?? []).map((_, i) => {
      const flat = new Float32Array(2 * kvHeads * headDim);
      for (const [head, rows] of fresh.entries()) {
        flat.set(rows[i]?.key ?? [], head * headDim);
        flat.set(rows[i]?.value ?? [], (kvHeads + head) * headDim);
      }
      return flat;
    });
  }

  report(owner: number, state: LessState | undefined): StoreRows {
    const heads = this.heads.map((rows, head) => {
      const sums = state?.heads[head];
      return {
        positions: rows.map(({ position }) => position),
        scores: rows.map(({ score }) => score),
        state: sums ? { features: sums.features.slice(), values: sums.values.slice() } : null,
      };
    });
    return { owner, heads };
  }

  #row(position: number): HeldRow {
    const zeros = new Float32Array(this.#shape.headDim);
    return { position, key: zeros, value: zeros, score: 0 };
  }

  /** Numbers as a cache of this precision keeps them. */
  #asCached(numbers: Float32Array): Float32Array {
    if (this.#precision === 'f32') return numbers;
    const table = f16Table();
    return numbers.map((number) => table[toF16Bits(number)] ?? 0);
  }
}
