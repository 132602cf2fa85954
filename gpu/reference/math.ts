/**
 * The arithmetic of a LLaMA decoder, one row at a time. Vectors are float32; sums run in JavaScript's float64.
 * Written to be read: the GPU kernels are tested against these.
 */

/** y = x / rms(x) · gain, over one row or head. */
export function rmsNorm(x: Float32Array, gain: Float32Array, eps: number): Float32Array {
  let squares = 0;
  for (const value of x) squares += value * value;
  const scale = 1 / Math.sqrt(squares / x.length + eps);
  return x.map((value, i) => value * scale * (gain[i] ?? 0));
}

/**
 * y = W·x (+ bias). `w` is `[rows, x.length]`.
 * Four rows at a time: their sums do not wait for each other, and x is read once for all. Twice as fast in V8.
 */
export function project(w: Float32Array, x: Float32Array, bias?: Float32Array): Float32Array {
  const cols = x.length;
  const y = new Float32Array(w.length / cols);
  let row = 0;
  for (; row + 4 <= y.length; row += 4) {
    const a = row * cols;
    const b = a + cols;
    const c = b + cols;
    const d = c + cols;
    let sumA = bias?.[row] ?? 0;
    let sumB = bias?.[row + 1] ?? 0;
    let sumC = bias?.[row + 2] ?? 0;
    let sumD = bias?.[row + 3] ?? 0;
    for (let col = 0; col < cols; col++) {
      const value = x[col] as number;
      sumA += (w[a + col] as number) * value;
      sumB += (w[b + col] as number) * value;
      sumC += (w[c + col] as number) * value;
      sumD += (w[d + col] as number) * value;
    }
    y[row] = sumA;
    y[row + 1] = sumB;
    y[row + 2] = sumC;
    y[row + 3] = sumD;
  }
  for (; row < y.length; row++) {
    let sum = bias?.[row] ?? 0;
    for (let col = 0; col < cols; col++) sum += (w[row * cols + col] as number) * (x[col] as number);
    y[row] = sum;
  }
  return y;
}

/** x += y */
export function addTo(x: Float32Array, y: Float32Array): void {
  for (let i = 0; i < x.length; i++) x[i] = (x[i] ?? 0) + (y[i] ?? 0);
}

/** silu(gate) · up. Shazeer, arXiv:2002.05202 */
export const swiglu = (gate: Float32Array, up: Float32Array): Float32Array =>
  gate.map((g, i) => (g / (1 + Math.exp(-g))) * (up[i] ?? 0));

/**
 * Rotates one head in place, pairing element i with element i + headDim / 2.
 *
 * @param table one position's `[headDim / 2, (cos, sin)]`
 */
export function rotate(head: Float32Array, table: Float32Array): void {
  const half = head.length / 2;
  for (let pair = 0; pair < half; pair++) {
    const cos = table[2 * pair] ?? 1;
    const sin = table[2 * pair + 1] ?? 0;
    const a = head[pair] ?? 0;
    const b = head[pair + half] ?? 0;
    head[pair] = a * cos - b * sin;
    head[pair + half] = b * cos + a * sin;
  }
}

/** The heads of a row, as views: `[heads × headDim]` → heads. */
export const headsOf = (row: Float32Array, headDim: number): Float32Array[] =>
  Array.from({ length: row.length / headDim }, (_, head) =>
    row.subarray(head * headDim, (head + 1) * headDim),
  );
