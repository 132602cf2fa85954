/**
 * Measures of hidden states, after "Matrix Nuclear-Norm" (arXiv 2410.10672). Z is the states minus their mean row, each
 * row then divided by its L2 norm. All arithmetic is in float64.
 */
import type { HiddenMeasures } from '../protocol/measure.ts';

/** @param rows `[count, size]` */
export function measureStates(rows: Float32Array, size: number): HiddenMeasures {
  const z = normalized(rows, size);
  if (!z) return { matrixNuclearNorm: null, nuclearNorm: null, entropy: null };
  const count = rows.length / size;
  const values = eigenvalues(gram(z, count, size), Math.min(count, size));
  const trace = values.reduce((sum, value) => sum + value, 0);
  let nuclearNorm = 0;
  let entropy = 0;
  for (const value of values) {
    // A tiny eigenvalue may come out below zero.
    const positive = Math.max(0, value);
    nuclearNorm += Math.sqrt(positive);
    const fraction = positive / trace;
    if (fraction > 0) entropy -= fraction * Math.log(fraction);
  }
  return {
    matrixNuclearNorm: matrixNuclearNorm(z, count, size) / count,
    nuclearNorm: nuclearNorm / count,
    entropy: entropy / Math.log(size),
  };
}

/** Z, row by row; null if some row is zero. */
function normalized(rows: Float32Array, size: number): Float64Array | null {
  const count = rows.length / size;
  const z = Float64Array.from(rows);
  for (let col = 0; col < size; col++) {
    let sum = 0;
    for (let row = 0; row < count; row++) sum += z[row * size + col] ?? 0;
    const mean = sum / count;
    for (let row = 0; row < count; row++) z[row * size + col] = (z[row * size + col] ?? 0) - mean;
  }
  for (let row = 0; row < count; row++) {
    const one = z.subarray(row * size, (row + 1) * size);
    const norm = Math.sqrt(one.reduce((sum, value) => sum + value * value, 0));
    if (norm === 0) return null;
    for (let col = 0; col < size; col++) one[col] = (one[col] ?? 0) / norm;
  }
  return z;
}

/** The sum of the largest L2 norms of columns: as many as Z can have singular values. */
function matrixNuclearNorm(z: Float64Array, count: number, size: number): number {
  const squares = new Float64Array(size);
  for (let i = 0; i < z.length; i++) squares[i % size] = (squares[i % size] ?? 0) + (z[i] ?? 0) ** 2;
  const norms = squares.map(Math.sqrt).sort().reverse();
  return norms.subarray(0, Math.min(count, size)).reduce((sum, norm) => sum + norm, 0);
}

/** Z·Zᵀ or Zᵀ·Z, whichever is smaller: both have the squares of Z's singular values. */
function gram(z: Float64Array, count: number, size: number): Float64Array {
  const byRows = count <= size;
  const order = Math.min(count, size);
  const [stride, step, inner] = byRows ? [size, 1, size] : [1, size, count];
  const matrix = new Float64Array(order * order);
  for (let i = 0; i < order; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) {
        sum += (z[i * stride + k * step] ?? 0) * (z[j * stride + k * step] ?? 0);
      }
      matrix[i * order + j] = matrix[j * order + i] = sum;
    }
  }
  return matrix;
}

/**
 * The eigenvalues of a symmetric matrix: Householder's tridiagonal form, then implicit QL steps (EISPACK's `tred2` and
 * `tql2` without the vectors).
 */
export function eigenvalues(matrix: Float64Array, order: number): Float64Array {
  const a = matrix.slice();
  const d = new Float64Array(order);
  const e = new Float64Array(order);
  const at = (i: number, j: number) => a[i * order + j] ?? 0;
  for (let i = order - 1; i > 0; i--) {
    let scale = 0;
    for (let k = 0; k < i; k++) scale += Math.abs(at(i, k));
    if (i === 1 || scale === 0) {
      e[i] = at(i, i - 1);
      continue;
    }
    let h = 0;
    for (let k = 0; k < i; k++) {
      a[i * order + k] = at(i, k) / scale;
      h += at(i, k) ** 2;
    }
    const f = at(i, i - 1);
    const g = f >= 0 ? -Math.sqrt(h) : Math.sqrt(h);
    e[i] = scale * g;
    h -= f * g;
    a[i * order + i - 1] = f - g;
    let sum = 0;
    for (let j = 0; j < i; j++) {
      let product = 0;
      for (let k = 0; k <= j; k++) product += at(j, k) * at(i, k);
      for (let k = j + 1; k < i; k++) product += at(k, j) * at(i, k);
      e[j] = product / h;
      sum += (e[j] ?? 0) * at(i, j);
    }
    const half = sum / (h + h);
    for (let j = 0; j < i; j++) {
      const ofRow = at(i, j);
      const update = (e[j] ?? 0) - half * ofRow;
      e[j] = update;
      for (let k = 0; k <= j; k++) {
        a[j * order + k] = at(j, k) - (ofRow * (e[k] ?? 0) + update * at(i, k));
      }
    }
  }
  for (let i = 0; i < order; i++) d[i] = at(i, i);
  e.copyWithin(0, 1);
  if (order > 0) e[order - 1] = 0;
  for (let l = 0; l < order; l++) diagonalize(d, e, l);
  return d;
}

const MOST_STEPS = 60;

/** QL steps until the off-diagonal number at `l` vanishes. */
function diagonalize(d: Float64Array, e: Float64Array, l: number): void {
  const order = d.length;
  for (let steps = 0; steps < MOST_STEPS; steps++) {
    let m = l;
    for (; m < order - 1; m++) {
      const size = Math.abs(d[m] ?? 0) + Math.abs(d[m + 1] ?? 0);
      if (Math.abs(e[m] ?? 0) <= Number.EPSILON * size) break;
    }
    if (m === l) return;
    let g = ((d[l + 1] ?? 0) - (d[l] ?? 0)) / (2 * (e[l] ?? 0));
    let r = Math.hypot(g, 1);
    g = (d[m] ?? 0) - (d[l] ?? 0) + (e[l] ?? 0) / (g + (g >= 0 ? r : -r));
    let [s, c, p] = [1, 1, 0];
    let i = m - 1;
    for (; i >= l; i--) {
      const f = s * (e[i] ?? 0);
      const b = c * (e[i] ?? 0);
      r = Math.hypot(f, g);
      e[i + 1] = r;
      if (r === 0) {
        d[i + 1] = (d[i + 1] ?? 0) - p;
        e[m] = 0;
        break;
      }
      s = f / r;
      c = g / r;
      g = (d[i + 1] ?? 0) - p;
      r = ((d[i] ?? 0) - g) * s + 2 * c * b;
      p = s * r;
      d[i + 1] = g + p;
      g = c * r - b;
    }
    if (r === 0 && i >= l) continue;
    d[l] = (d[l] ?? 0) - p;
    e[l] = g;
    e[m] = 0;
  }
  throw new Error('the eigenvalues do not converge');
}
