// Other folders that import this file need the types of the modules that it imports.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./assembly.d.ts" />
import code from './kernels/all.ts?assembly';

/** An address of linear memory, in bytes. 0 is none. */
export type Address = number;

/** 1 if numbers are stored in 16 bits, 0 if in 32. */
type Half = boolean;

/** Where numbers of the input of a packed product lie: `kernels/quantize-input.ts`. */
const inputLayouts = { words: 0, twoBytes: 1, oneByte: 2 } as const;

/**
 * The layout for products that take words or bytes.
 *
 * @param eight whether a number has 8 bits instead of 16
 */
export const inputLayout = (inBytes: boolean, eight: boolean): number =>
  inputLayouts[!inBytes ? 'words' : eight ? 'oneByte' : 'twoBytes'];

/** The exports of `kernels/all.ts`, which documents shapes and padding. */
export interface Kernels {
  areHalves(numbers: Address, count: number): number;
  putRows(half: Half, w: Address, cols: number, row: number, numbers: Address, count: number): void;
  getRows(half: Half, w: Address, cols: number, row: number, numbers: Address, count: number): void;
  scalesFit(q8: boolean, cols: number, packed: Address, rowBytes: number, count: number): number;
  putPacked(
    q8: boolean,
    w: Address,
    cols: number,
    row: number,
    packed: Address,
    rowBytes: number,
    count: number,
  ): void;
  getPacked(q8: boolean, w: Address, cols: number, row: number, numbers: Address, count: number): void;
  bytesAreFast(all: number): number;
  quantizeInput(
    layout: number,
    eight: boolean,
    x: Address,
    xStride: number,
    cols: number,
    count: number,
    into: Address,
  ): void;
  projectPacked(
    q8: boolean,
    layout: number,
    w: Address,
    cols: number,
    panels: number,
    bias: Address,
    x: Address,
    y: Address,
    yStride: number,
    count: number,
    onto: boolean,
    wide: Address,
  ): void;
  readAhead(from: Address, bytes: number): number;
  putBeside(x: Address, xStride: number, cols: number, count: number, into: Address): void;
  project(
    half: Half,
    w: Address,
    cols: number,
    panels: number,
    bias: Address,
    x: Address,
    xStride: number,
    y: Address,
    yStride: number,
    count: number,
    onto: boolean,
    beside: Address,
    wide: Address,
    streams: boolean,
  ): void;
  clear(at: Address, bytes: number): void;
  copy(from: Address, to: Address, bytes: number): void;
  rmsNorm(
    x: Address,
    xStride: number,
    gain: Address,
    cols: number,
    eps: number,
    y: Address,
    yStride: number,
    count: number,
  ): void;
  swiglu(gate: Address, up: Address, bytes: number): void;
  normHeads(x: Address, gain: Address, heads: number, headDim: number, eps: number): void;
  rotate(x: Address, table: Address, heads: number, headDim: number): void;
  storeHalves(x: Address, y: Address, count: number): void;
  scoreKeys(
    half: Half,
    q: Address,
    heads: number,
    kvHeads: number,
    headDim: number,
    keys: Address,
    rowBytes: number,
    rows: number,
    scores: Address,
    scoreStride: number,
    widened: Address,
  ): void;
  attendRow(
    half: Half,
    q: Address,
    output: Address,
    heads: number,
    kvHeads: number,
    headDim: number,
    rowBytes: number,
    scores: Address,
    scoreStride: number,
    room: Address,
    tableAt: number,
    runs: number,
    ...addressesAndKeys: readonly number[]
  ): void;
  attendTogether(
    half: Half,
    table: Address,
    rows: number,
    runs: number,
    heads: number,
    kvHeads: number,
    headDim: number,
    rowBytes: number,
    scores: Address,
    scoreStride: number,
    room: Address,
  ): void;
  soften(scores: Address, scoreStride: number, heads: number, count: number): void;
  mixValues(
    half: Half,
    weights: Address,
    weightStride: number,
    heads: number,
    kvHeads: number,
    headDim: number,
    values: Address,
    rowBytes: number,
    rows: number,
    y: Address,
    widened: Address,
  ): void;
  maskScores(
    scores: Address,
    scoreStride: number,
    heads: number,
    kvHeads: number,
    count: number,
    positions: Address,
    positionStride: number,
    from: number,
    to: number,
  ): void;
  turnKeys(
    half: Half,
    rowsAt: Address,
    rows: number,
    kvHeads: number,
    headDim: number,
    ranks: Address,
    rankStride: number,
    table: Address,
    into: Address,
    widened: Address,
  ): void;
  addNoise(
    scores: Address,
    scoreStride: number,
    heads: number,
    kvHeads: number,
    count: number,
    positions: Address,
    positionStride: number,
    hashes: Address,
    noise: Address,
    tau: number,
    into: Address,
  ): void;
  addProbabilities(
    probabilities: Address,
    scoreStride: number,
    heads: number,
    kvHeads: number,
    count: number,
    sums: Address,
    sumStride: number,
  ): void;
  widen(halves: Address, count: number, into: Address): Address;
  gelu(x: Address, bytes: number): void;
  absolute(x: Address, bytes: number): void;
  sumExponentials(scores: Address, scoreStride: number, heads: number, count: number, into: Address): void;
  mixState(
    output: Address,
    headDim: number,
    rows: number,
    state: number,
    features: Address,
    rank: number,
    values: Address,
  ): void;
  absorb(
    half: Half,
    features: Address,
    rank: number,
    value: Address,
    headDim: number,
    sums: Address,
    values: Address,
    widened: Address,
  ): void;
}

/** The kernels, compiled: with fused multiply-adds or without, for memory that threads share or for other memory. */
export interface KernelCode {
  readonly module: WebAssembly.Module;
  readonly instructions: Instructions;
  readonly shared: boolean;
}

export type Instructions = keyof typeof code;

/** The instructions that this engine has, the best first; none if its WebAssembly has no SIMD. */
export const instructionsHere = (): readonly Instructions[] =>
  (['relaxedSimd', 'simd'] as const).filter(
    (instructions) => typeof WebAssembly === 'object' && WebAssembly.validate(bytesOf(instructions, false)),
  );

/**
 * @param shared whether threads share the memory that they work on
 * @throws WebAssembly.CompileError if this engine knows no such memory
 */
export const compileKernels = async (instructions: Instructions, shared = false): Promise<KernelCode> => ({
  module: await WebAssembly.compile(bytesOf(instructions, shared)),
  instructions,
  shared,
});

/** An instance of the kernels that works on `memory`, which is shared if they were compiled for that. */
export const startKernels = ({ module }: KernelCode, memory: WebAssembly.Memory): Kernels =>
  new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels; // its exports have no types

/**
 * The code for both kinds of memory is the same. A module only declares which kind it imports, in the flags behind the
 * import's name: 1 for memory with a maximum, 3 if it is shared too.
 */
function bytesOf(instructions: Instructions, shared: boolean): Uint8Array<ArrayBuffer> {
  const bytes = atob(code[instructions]);
  const declared = shared ? bytes.replace('memory\x02\x01', 'memory\x02\x03') : bytes;
  return Uint8Array.from(declared, (char) => char.charCodeAt(0));
}
