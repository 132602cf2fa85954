import type { BatchWork, TextOptions } from '../backend.ts';
import type { Decoder, DecoderBatch, FedToken, Turn, TurnOptions } from '../cpu/decoder.ts';
import { WasmDecoder, type TextsTogether } from './decoder.ts';
import { prefillTogether } from './prefill.ts';
import type { SharedByTexts } from './shared.ts';
import { stepTogether } from './step.ts';

/** Decoders that share weights and scratch, whose rows go through every matrix together. */
export class WasmDecoders implements DecoderBatch, TextsTogether {
  readonly #shared: SharedByTexts;
  readonly #texts = new Set<WasmDecoder>();

  constructor(shared: SharedByTexts) {
    this.#shared = shared;
  }

  get allocatedBytes(): number {
    return this.#shared.allocatedBytes;
  }

  get work(): BatchWork {
    return { ...this.#shared.layers.work };
  }

  sharedBytesFor(places: number): number {
    return this.#shared.bytesFor(places);
  }

  open(text: TextOptions): WasmDecoder {
    const decoder = new WasmDecoder(this.#shared, text, this);
    this.#texts.add(decoder);
    return decoder;
  }

  feed(fed: readonly FedToken[]): readonly Float32Array[] {
    const texts = fed.map(({ decoder, token }) => ({ text: this.#textOf(decoder), token }));
    if (texts.length === 0) return [];
    for (const { text } of texts) text.startFeed();
    const hidden = stepTogether(this.#shared, texts);
    for (const { text } of texts) text.cut();
    return hidden;
  }

  step(fed: readonly FedToken[]): readonly Float32Array[] {
    return stepTogether(
      this.#shared,
      fed.map(({ decoder, token }) => ({ text: this.#textOf(decoder), token })),
    );
  }

  parallel(
    turns: readonly (Turn & { readonly decoder: Decoder })[],
    options: TurnOptions,
  ): Promise<readonly (readonly Float32Array[])[]> {
    const read = turns.map((turn) => ({ ...turn, text: this.#textOf(turn.decoder) }));
    return prefillTogether(this.#shared, read, options);
  }

  logitsOf(hidden: readonly Float32Array[], onRow: (index: number, logits: Float32Array) => void): void {
    this.#shared.logitsOf(hidden, onRow);
  }

  closed(text: WasmDecoder): void {
    this.#texts.delete(text);
  }

  close(): void {
    this.#shared.close();
  }

  #textOf(decoder: Decoder): WasmDecoder {
    const text = [...this.#texts].find((each) => each === decoder);
    if (!text) throw new Error('the decoder is not of this batch, or closed');
    return text;
  }
}
