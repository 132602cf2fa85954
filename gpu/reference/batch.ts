import type { PlanOptions, TextOptions } from '../backend.ts';
import type { Decoder, DecoderBatch, FedToken, Turn, TurnOptions } from '../cpu/decoder.ts';
import type { CpuWeights } from '../cpu/weights.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { CpuDecoder } from './decoder.ts';

/** The definition of a batch: texts that know nothing of each other, each computed by itself. */
export class CpuDecoders implements DecoderBatch {
  /** Everything belongs to one of the texts. */
  readonly allocatedBytes = 0;
  readonly work = null;
  readonly #dims: ModelDims;
  readonly #weights: CpuWeights;
  readonly #options: PlanOptions;
  readonly #anyText: CpuDecoder;

  constructor(dims: ModelDims, weights: CpuWeights, options: PlanOptions) {
    this.#dims = dims;
    this.#weights = weights;
    this.#options = options;
    this.#anyText = this.open({ capacityTokens: 1 });
  }

  open(text: TextOptions): CpuDecoder {
    const { sharing, passes, kvPrecision } = this.#options;
    return new CpuDecoder(this.#dims, this.#weights, { sharing, passes, kvPrecision, ...text });
  }

  sharedBytesFor(): number {
    return this.allocatedBytes;
  }

  feed(fed: readonly FedToken[]): readonly Float32Array[] {
    return fed.map(({ decoder, token }) => decoder.feed(token));
  }

  step(fed: readonly FedToken[]): readonly Float32Array[] {
    return fed.map(({ decoder, token }) => decoder.step(token));
  }

  async parallel(
    turns: readonly (Turn & { readonly decoder: Decoder })[],
    options: TurnOptions,
  ): Promise<readonly (readonly Float32Array[])[]> {
    const hidden: (readonly Float32Array[])[] = [];
    for (const [i, { decoder, ...turn }] of turns.entries()) {
      const breathe = (fraction: number) => options.breathe((i + fraction) / turns.length);
      hidden.push(await decoder.parallel(turn, { ...options, breathe }));
    }
    return hidden;
  }

  logitsOf(hidden: readonly Float32Array[], onRow: (index: number, logits: Float32Array) => void): void {
    this.#anyText.logitsOf(hidden, onRow);
  }

  close(): void {
    // All memory is JavaScript's own.
  }
}
