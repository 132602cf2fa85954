/**
 * Attention of several query rows that see about the same keys: neighbors in a prompt. Keys and values in halves are
 * widened once for all of them, some at a time. Every sum is the one that attend.ts takes for a row alone, to the bit.
 */
import { mixValues, scoreKeys, soften } from './attend';
import { multiplyAdd } from './lanes';
import { widen } from './widen';

/** Keys that are widened at a time, so that they stay in the processor's nearest cache. */
const TILE: i32 = 32;

/** A row of the table: its query, its output, and where each of its runs begins and how many keys it has. */
const RUNS: usize = 8;

function runOf(row: usize, run: i32): usize {
  return row + RUNS + ((<usize>run) << 3);
}

/** How many keys lie in the runs of a row before one of them. */
function keysBefore(row: usize, run: i32): i32 {
  let keys = 0;
  for (let i = 0; i < run; i++) keys += load<i32>(runOf(row, i), 4);
  return keys;
}

/**
 * @param table  `[rows]` of (query, output, `[runs]` of (address, keys)), in 32 bits. The outputs are zero before. The
 *   first, second … runs of all rows lie in the same memory, whole rows of keys and values apart.
 * @param scores `[rows, heads / kvHeads, scoreStride]`
 * @param widened room for `[32, headDim]` numbers
 */
export function attendTogether(
  half: bool,
  table: usize,
  rows: i32,
  runs: i32,
  heads: i32,
  kvHeads: i32,
  headDim: i32,
  rowBytes: usize,
  scores: usize,
  scoreStride: usize,
  widened: usize,
): void {
  const group = heads / kvHeads;
  const groupBytes = (<usize>(group * headDim)) << 2;
  const storedBytes = (<usize>headDim) << (half ? 1 : 2);
  const tableRow = RUNS + ((<usize>runs) << 3);
  const rowScores = <usize>group * scoreStride;
  for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
    const ofHead = <usize>kvHead * storedBytes;
    const ofGroup = <usize>kvHead * groupBytes;
    for (let run = 0; run < runs; run++) {
      walk(
        true,
        half,
        table,
        rows,
        run,
        tableRow,
        ofHead,
        ofGroup,
        group,
        headDim,
        rowBytes,
        scores,
        scoreStride,
        widened,
      );
    }
    for (let row = 0; row < rows; row++) {
      const keys = keysBefore(table + <usize>row * tableRow, runs);
      if (keys > 0) soften(scores + <usize>row * rowScores, scoreStride, group, keys);
    }
    const values = ofHead + (rowBytes >> 1);
    for (let run = 0; run < runs; run++) {
      walk(
        false,
        half,
        table,
        rows,
        run,
        tableRow,
        values,
        ofGroup,
        group,
        headDim,
        rowBytes,
        scores,
        scoreStride,
        widened,
      );
    }
  }
}

/**
 * y += Σ weight[row] · value[row], with the sums of `mixValues`, 32 numbers of y at a time in registers.
 *
 * @param rows  at least 1
 * @param bytes of y, in whole lots of 128
 */
function mixInRegisters(
  weights: usize,
  values: usize,
  apart: usize,
  rows: i32,
  y: usize,
  bytes: usize,
): void {
  const end = weights + ((<usize>rows) << 2);
  for (const last = y + bytes; y < last; y += 128) {
    let a = v128.load(y);
    let b = v128.load(y, 16);
    let c = v128.load(y, 32);
    let d = v128.load(y, 48);
    let e = v128.load(y, 64);
    let f = v128.load(y, 80);
    let g = v128.load(y, 96);
    let h = v128.load(y, 112);
    let value = values;
    let weight = weights;
    do {
      const factor = v128.load32_splat(weight);
      h = multiplyAdd(h, factor, v128.load(value, 112));
      g = multiplyAdd(g, factor, v128.load(value, 96));
      f = multiplyAdd(f, factor, v128.load(value, 80));
      e = multiplyAdd(e, factor, v128.load(value, 64));
      d = multiplyAdd(d, factor, v128.load(value, 48));
      c = multiplyAdd(c, factor, v128.load(value, 32));
      b = multiplyAdd(b, factor, v128.load(value, 16));
      a = multiplyAdd(a, factor, v128.load(value));
      value += apart;
      weight += 4;
    } while (weight < end);
    v128.store(y, a);
    v128.store(y, b, 16);
    v128.store(y, c, 32);
    v128.store(y, d, 48);
    v128.store(y, e, 64);
    v128.store(y, f, 80);
    v128.store(y, g, 96);
    v128.store(y, h, 112);
    values += 128;
  }
}

/** Scores the keys of a run of each row, or mixes its values, tile by tile. */
function walk(
  scoring: bool,
  half: bool,
  table: usize,
  rows: i32,
  run: i32,
  tableRow: usize,
  ofHead: usize,
  ofGroup: usize,
  group: i32,
  headDim: i32,
  rowBytes: usize,
  scores: usize,
  scoreStride: usize,
  widened: usize,
): void {
  let start: usize = 0;
  let end: usize = 0;
  for (let row = 0; row < rows; row++) {
    const at = runOf(table + <usize>row * tableRow, run);
    const keys = load<i32>(at, 4);
    if (keys == 0) continue;
    const first = <usize>load<u32>(at);
    const last = first + <usize>keys * rowBytes;
    if (end == 0 || first < start) start = first;
    if (last > end) end = last;
  }
  const headBytes = (<usize>headDim) << 2;
  const apart = half ? headBytes : rowBytes;
  for (let tile = start; tile < end; tile += <usize>TILE * rowBytes) {
    const tileEnd = min(end, tile + <usize>TILE * rowBytes);
    let from = tile + ofHead;
    if (half) {
      for (let to = widened; from < tileEnd; to += headBytes) {
        widen(from, headDim, to);
        from += rowBytes;
      }
      from = widened;
    }
    for (let row = 0; row < rows; row++) {
      const entry = table + <usize>row * tableRow;
      const at = runOf(entry, run);
      const first = <usize>load<u32>(at);
      const low = max(tile, first);
      const high = min(tileEnd, first + <usize>load<i32>(at, 4) * rowBytes);
      if (low >= high) continue;
      const skipped = (low - tile) / rowBytes;
      const count = <i32>((high - low) / rowBytes);
      const key = <usize>keysBefore(entry, run) + (low - first) / rowBytes;
      const own = scores + <usize>(row * group) * scoreStride + (key << 2);
      const keys = from + skipped * apart;
      if (scoring) {
        const query = <usize>load<u32>(entry) + ofGroup;
        scoreKeys(false, query, group, 1, headDim, keys, apart, count, own, scoreStride, 0);
      } else {
        const output = <usize>load<u32>(entry, 4) + ofGroup;
        if ((headBytes & 127) == 0) {
          for (let head: usize = 0; head < <usize>group; head++) {
            mixInRegisters(
              own + head * scoreStride,
              keys,
              apart,
              count,
              output + head * headBytes,
              headBytes,
            );
          }
        } else mixValues(false, own, scoreStride, group, 1, headDim, keys, apart, count, output, 0);
      }
    }
  }
}
