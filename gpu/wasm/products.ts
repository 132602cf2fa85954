import { isQuantized } from '../numbers/matrix-format.ts';
import { padded, PANEL_ROWS } from '../numbers/panels.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { WeightRole } from '../plan/weight-specs.ts';
import { inputLayout, type Address, type Kernels } from './kernels.ts';
import { mostColsOf, quantizedBytes, widenedBytes } from './layer-scratch.ts';
import type { PlanWeights } from './plan-weights.ts';
import type { WasmTensor } from './tensor.ts';
import { piecesBefore, type Hands } from './threads/hands.ts';
import type { Room } from './threads/job.ts';
import type { Team } from './threads/team.ts';

/** Multiply-adds in whose time a number of a row is quantized. */
const QUANTIZING_WORK = 100;

/** Bytes of a matrix that probably stays in a core's cache from one token to the next. */
const IN_CACHE = 2 ** 19;

/** A product with a matrix, where its bias is, and the block that it goes to. */
export interface Product {
  readonly role: WeightRole;
  readonly bias: WeightRole | null;
  readonly into: Address;
}

/** Rows of a block, from one on, and who multiplies them. */
export interface RowsAtHand {
  readonly hands: Hands;
  readonly first: number;
  readonly count: number;
}

/** Which matrices of a layer are multiplied together after some whose last one this is. */
const following: Readonly<Partial<Record<WeightRole, readonly WeightRole[]>>> = {
  v: ['q'],
  q: ['o'],
  o: ['gate', 'up'],
  up: ['down'],
};

/** The products with a plan's matrices, whose panels threads share. */
export class Products {
  /** What they have taken so far. */
  readonly work = { products: 0, weightBytes: 0 };
  readonly #dims: ModelDims;
  readonly #weights: PlanWeights;
  readonly #scratch: ProductScratch;
  readonly #mostCols: number;
  /** As large for every matrix: threads that take rows apart are at different ones at a time. */
  readonly #wide: Room;
  /** Asked once, so that all threads and products agree. */
  readonly #bytesAreFast: boolean;
  /** Whether 4-bit weights are multiplied with 8 bits of their input. */
  readonly #eightBits: boolean;

  constructor(team: Team, dims: ModelDims, weights: PlanWeights, scratch: ProductScratch) {
    this.#dims = dims;
    this.#weights = weights;
    this.#scratch = scratch;
    this.#mostCols = mostColsOf(dims);
    this.#wide = { address: scratch.wide, bytes: widenedBytes(this.#mostCols) };
    this.#eightBits = weights.eightBits;
    this.#bytesAreFast = team.kernels.bytesAreFast(-1) === 1;
  }

  /**
   * Products of the same rows with matrices of a layer, all of as many columns. Threads share the panels of each.
   *
   * @param x    the block
   * @param onto whether they are added to what is there
   * @param then what a thread does with the numbers of each row that it has computed, so many bytes from an offset on
   */
  project(
    layer: number,
    x: Address,
    { hands, first: firstRow, count }: RowsAtHand,
    products: readonly Product[],
    onto = false,
    then: (kernels: Kernels, at: number, bytes: number) => void = () => undefined,
  ): void {
    const matrices = products.map(({ role, bias, into }) => {
      const { format, address, rows, cols, panels, bytes } = this.#weights.get(role, layer);
      const biasAt = bias === null ? 0 : (this.#weights.find(bias, layer)?.address ?? 0);
      return { format, address, rows, cols, panels, panelBytes: bytes / panels, biasAt, into };
    });
    const work = matrices.reduce((sum, { rows, cols }) => sum + rows * cols * count, 0);
    const most = Math.min(...matrices.map(({ panels }) => panels));
    const parts = hands.partsOf(work, most);
    const allCols = matrices[0]?.cols ?? 0;
    const xStride = 4 * padded(allCols);
    const from = x + xStride * firstRow;
    // Threads that take rows apart are at different matrices at a time.
    const beside = this.#scratch.beside + 4 * padded(this.#mostCols) * firstRow;
    const quantized = this.#scratch.quantized + quantizedBytes(this.#mostCols) * firstRow;
    const formats = matrices.map(({ format }) => format);
    const onlyFour = !formats.includes('q8');
    const eight = onlyFour && this.#eightBits;
    const layout = inputLayout(onlyFour && this.#bytesAreFast, eight);
    if (formats.some(isQuantized)) {
      this.#quantize(hands, layout, eight, from, xStride, allCols, count, quantized);
    }
    if (formats.includes('f16')) {
      hands.kernels.putBeside(from, xStride, allCols, count, beside);
    }
    hands.share(
      parts,
      (kernels, part, takeRoom) => {
        for (const { format, address, rows, cols, panels, panelBytes, biasAt, into } of matrices) {
          const first = piecesBefore(panels, part, parts);
          const end = piecesBefore(panels, part + 1, parts);
          const before = 4 * PANEL_ROWS * first;
          const [w, yStride] = [address + panelBytes * first, 4 * padded(rows)];
          const y = into + yStride * firstRow + before;
          const biasFrom = biasAt === 0 ? 0 : biasAt + before;
          const wide = takeRoom(this.#wide);
          if (isQuantized(format)) {
            kernels.projectPacked(
              format === 'q8',
              layout,
              w,
              cols,
              end - first,
              biasFrom,
              quantized,
              y,
              yStride,
              count,
              onto,
              wide,
            );
          } else {
            kernels.project(
              format === 'f16',
              w,
              cols,
              end - first,
              biasFrom,
              from,
              xStride,
              y,
              yStride,
              count,
              onto,
              beside,
              wide,
              panels * panelBytes > IN_CACHE,
            );
          }
        }
        const first = piecesBefore(most, part, parts);
        const end = piecesBefore(most, part + 1, parts);
        then(kernels, 4 * PANEL_ROWS * first, 4 * PANEL_ROWS * (end - first));
      },
      () => this.after(products.at(-1)?.role, layer),
    );
  }

  /** Notes that matrices of a layer were multiplied, and how many threads read each of them whole. */
  note(layer: number, roles: readonly WeightRole[], readers = 1): void {
    for (const role of roles) {
      this.work.products++;
      this.work.weightBytes += readers * this.#weights.get(role, layer).bytes;
    }
  }

  /** Quantizes rows, which threads share. */
  #quantize(
    hands: Hands,
    layout: number,
    eight: boolean,
    x: Address,
    xStride: number,
    cols: number,
    count: number,
    into: Address,
  ): void {
    const parts = hands.partsOf(QUANTIZING_WORK * cols * count, count);
    hands.share(parts, (kernels, part) => {
      const first = piecesBefore(count, part, parts);
      const rows = piecesBefore(count, part + 1, parts) - first;
      kernels.quantizeInput(
        layout,
        eight,
        x + xStride * first,
        xStride,
        cols,
        rows,
        into + quantizedBytes(cols) * first,
      );
    });
  }

  /** The matrices that are probably multiplied after another one. */
  after(role: WeightRole | undefined, layer: number): readonly WasmTensor[] {
    const find = (roles: readonly WeightRole[], of: number) =>
      roles.flatMap((each) => this.#weights.find(each, of) ?? []);
    const next = role && following[role];
    if (next) return find(next, layer);
    const from = role === 'down' ? layer + 1 : 0;
    // After the head, the first layer again.
    if (from < this.#dims.layerCount) return find(['k', 'v', 'q'], from);
    return find([this.#dims.tiedEmbeddings ? 'embed' : 'head'], 0);
  }
}

interface ProductScratch {
  readonly beside: Address; //    [block / 4, cols, 4], rows that go through a matrix
  readonly quantized: Address; // [block, cols], rows that go through a packed matrix
  readonly wide: Address; //      [threads], eight rows of a matrix, widened
}
