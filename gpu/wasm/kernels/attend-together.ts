/**
 * Attention of query rows that see about the same keys: one row, or neighbors in a prompt. Keys and values are widened once
 * for all of them, a tile at a time, which then lies in the processor's nearest cache. What a row gets does not depend on
 * the others, to the bit.
 */
import { putAcross, scoreAcross, TILE } from './across';
import { exponentials, mixValues } from './attend';
import { multiplyAdd } from './lanes';
import { widenRows } from './widen';

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
 * One row, whose at most four runs are arguments.
 *
 * @param scores  `[heads, scoreStride]`
 * @param room    as in {@link attendTogether}
 * @param tableAt bytes from there to room for a table of one row
 */
export function attendRow(
  half: bool,
  q: usize,
  output: usize,
  heads: i32,
  kvHeads: i32,
  headDim: i32,
  rowBytes: usize,
  scores: usize,
  scoreStride: usize,
  room: usize,
  tableAt: usize,
  runs: i32,
  run0: usize,
  keys0: i32,
  run1: usize,
  keys1: i32,
  run2: usize,
  keys2: i32,
  run3: usize,
  keys3: i32,
): void {
  const table = room + tableAt;
  store<u32>(table, <u32>q);
  store<u32>(table, <u32>output, 4);
  putRun(table, 0, run0, keys0);
  putRun(table, 1, run1, keys1);
  putRun(table, 2, run2, keys2);
  putRun(table, 3, run3, keys3);
  attendTogether(half, table, 1, runs, heads, kvHeads, headDim, rowBytes, scores, scoreStride, room);
}

function putRun(row: usize, run: i32, address: usize, keys: i32): void {
  const at = runOf(row, run);
  store<u32>(at, <u32>address);
  store<i32>(at, keys, 4);
}

/**
 * @param table  `[rows]` of (query, output, `[runs]` of (address, keys)), in 32 bits. The outputs are zero before. The
 *   first, second … runs of all rows lie in the same memory, whole rows of keys and values apart.
 * @param scores `[rows, heads / kvHeads, scoreStride]`, or `[heads, scoreStride]` of a row alone, with room for 32 more scores behind those of each head. What stays
 *   there are exponentials, and one by their sum in the last number of the stride: their products are probabilities.
 * @param room   for `[headDim, 32]` numbers, for as many as `headDim` rounded up to eights, and for 32 more
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
  room: usize,
): void {
  const group = heads / kvHeads;
  const headBytes = (<usize>headDim) << 2;
  const groupBytes = <usize>group * headBytes;
  const storedBytes = (<usize>headDim) << (half ? 1 : 2);
  const tableRow = RUNS + ((<usize>runs) << 3);
  const rowScores = <usize>group * scoreStride;
  for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
    const keys = <usize>kvHead * storedBytes;
    const values = keys + (rowBytes >> 1);
    const ofGroup = <usize>kvHead * groupBytes;
    if (rows == 1 && kvHead > 0) scores += rowScores;
    for (let run = 0; run < runs; run++) {
      walk(
        true,
        half,
        table,
        rows,
        run,
        tableRow,
        keys,
        ofGroup,
        group,
        headDim,
        rowBytes,
        scores,
        scoreStride,
        room,
      );
    }
    for (let row = 0; row < rows; row++) {
      const bytes = (<usize>keysBefore(table + <usize>row * tableRow, runs)) << 2;
      let own = scores + <usize>row * rowScores;
      for (let head = 0; head < group; head++) {
        const factor: f32 = bytes > 0 ? exponentials(own, bytes) : 0;
        own += scoreStride;
        store<f32>(own - 4, factor);
      }
    }
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
        room,
      );
    }
    for (let row = 0; row < rows; row++) {
      let output = <usize>load<u32>(table + <usize>row * tableRow, 4) + ofGroup;
      let end = scores + <usize>row * rowScores;
      for (let head = 0; head < group; head++) {
        end += scoreStride;
        scale(output, load<f32>(end - 4), headBytes);
        output += headBytes;
      }
    }
  }
}

/** y *= factor */
function scale(y: usize, factor: f32, bytes: usize): void {
  const factors = f32x4.splat(factor);
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) v128.store(y + at, f32x4.mul(v128.load(y + at), factors));
  for (; at < bytes; at += 4) store<f32>(y + at, load<f32>(y + at) * factor);
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
  room: usize,
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
  const scale: f32 = 1.0 / sqrt<f32>(<f32>headDim);
  for (let tile = start; tile < end; tile += <usize>TILE * rowBytes) {
    const tileEnd = min(end, tile + <usize>TILE * rowBytes);
    const inTile = <i32>((tileEnd - tile) / rowBytes);
    let values = tile + ofHead;
    let apart = rowBytes;
    if (scoring) {
      putAcross(half, values, rowBytes, headDim, inTile, room);
    } else if (half) {
      widenRows(values, rowBytes, headDim, inTile, room);
      values = room;
      apart = headBytes;
    }
    for (let row = 0; row < rows; row++) {
      const entry = table + <usize>row * tableRow;
      const at = runOf(entry, run);
      const first = <usize>load<u32>(at);
      const low = max(tile, first);
      const high = min(tileEnd, first + <usize>load<i32>(at, 4) * rowBytes);
      if (low >= high) continue;
      const skipped = (low - tile) / rowBytes;
      const key = <usize>keysBefore(entry, run) + (low - first) / rowBytes;
      const own = scores + <usize>(row * group) * scoreStride + (key << 2);
      if (scoring) {
        let query = <usize>load<u32>(entry) + ofGroup;
        let into = own;
        for (let head = 0; head < group; head++) {
          scoreAcross(query, room + (skipped << 2), headDim, scale, into);
          query += headBytes;
          into += scoreStride;
        }
        continue;
      }
      const count = <i32>((high - low) / rowBytes);
      const from = values + skipped * apart;
      const output = <usize>load<u32>(entry, 4) + ofGroup;
      if ((headBytes & 127) == 0) {
        for (let head: usize = 0; head < <usize>group; head++) {
          mixInRegisters(own + head * scoreStride, from, apart, count, output + head * headBytes, headBytes);
        }
      } else mixValues(false, own, scoreStride, group, 1, headDim, from, apart, count, output, 0);
    }
  }
}
