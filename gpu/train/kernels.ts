// Other folders that import this file need the types of the modules that it imports.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="../wasm/assembly.d.ts" />
import code from '../wasm/kernels/train.ts?assembly';
import type { Address } from '../wasm/kernels.ts';

/** The exports of `gpu/wasm/kernels/train.ts`, which documents shapes. */
export interface TrainKernels {
  multiplyRoom(): number;
  multiply(
    m: number,
    n: number,
    k: number,
    a: Address,
    aStride: number,
    aTurned: boolean,
    b: Address,
    bStride: number,
    bTurned: boolean,
    c: Address,
    cStride: number,
    onto: boolean,
    room: Address,
  ): void;
  normRows(x: Address, gain: Address, cols: number, eps: number, y: Address, count: number): void;
  normRowsBack(
    x: Address,
    gain: Address,
    cols: number,
    eps: number,
    dy: Address,
    dx: Address,
    onto: boolean,
    dGain: Address,
    count: number,
  ): void;
  rotateRows(x: Address, table: Address, heads: number, headDim: number, count: number, back: boolean): void;
  gateUp(gate: Address, up: Address, into: Address, bytes: number): void;
  gateUpBack(gate: Address, up: Address, dProduct: Address, bytes: number): void;
  softenSeen(
    scores: Address,
    stride: number,
    cols: number,
    count: number,
    first: number,
    firstKey: number,
    window: number,
    diagonal: boolean,
    scale: number,
  ): void;
  softenBack(
    weights: Address,
    dWeights: Address,
    stride: number,
    cols: number,
    count: number,
    scale: number,
  ): void;
  crossEntropy(
    logits: Address,
    vocab: number,
    targets: Address,
    count: number,
    factor: number,
    sums: Address,
  ): number;
  addTo(y: Address, x: Address, bytes: number): void;
  addBias(y: Address, bias: Address, cols: number, count: number): void;
  sumRows(dy: Address, dBias: Address, cols: number, count: number): void;
  sumOfSquares(x: Address, count: number): number;
  adamW(
    weights: Address,
    gradients: Address,
    means: Address,
    squares: Address,
    count: number,
    factor: number,
    beta1: number,
    beta2: number,
    rate: number,
    widen: number,
    eps: number,
    keep: number,
  ): void;
}

/** Compiles the kernels with the best instructions that this engine has; null if its WebAssembly has no SIMD. */
export async function compileTrainKernels(): Promise<WebAssembly.Module | null> {
  for (const instructions of ['relaxedSimd', 'simd'] as const) {
    const bytes = Uint8Array.from(atob(code[instructions]), (char) => char.charCodeAt(0));
    if (WebAssembly.validate(bytes)) return WebAssembly.compile(bytes);
  }
  return null;
}

/** An instance of the kernels that works on `memory`. */
export const startTrainKernels = (module: WebAssembly.Module, memory: WebAssembly.Memory): TrainKernels =>
  new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as TrainKernels; // its exports have no types
