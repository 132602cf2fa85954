import type { StepWatch } from '../cpu/decoder.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { KvTarget, Query } from './layers.ts';
import type { SharedByTexts } from './shared.ts';

/** A text as a step asks it for where its row goes and what it sees. */
export interface SteppingText {
  /** Begins the step of the next position. */
  startStep(): void;
  /** Where an owner's key and value of the position go. */
  kvTarget(owner: number): KvTarget;
  /** Notes that the layers wrote them; the keys are those of this row of the block. */
  kvWritten(owner: number, row: number): void;
  query(layer: LayerType): Query;
}

/**
 * Feeds a token to each of some texts: their rows go through every matrix together. A decoding step of one text is this
 * with one row. Every sum is taken in the same order however many rows there are.
 *
 * @param watch what is watched of the first text
 * @returns the hidden state of each text
 */
export function stepTogether(
  shared: SharedByTexts,
  fed: readonly { readonly text: SteppingText; readonly token: number }[],
  { onState, onAttention }: StepWatch = {},
): readonly Float32Array[] {
  const { layers, hidden, options } = shared;
  const rows = { hidden, count: fed.length };
  for (const [row, { text, token }] of fed.entries()) {
    text.startStep();
    shared.embed(token, shared.rowOf(hidden, row));
  }
  onState?.(shared.read(hidden));
  for (const layer of options.sharing.layers) {
    const { index } = layer;
    const queriesOf = () =>
      fed.map(({ text }, row) => {
        const query = text.query(layer);
        return row === 0 && onAttention ? { ...query, onAttention } : query;
      });
    if (shared.owners.has(index)) {
      const targets = fed.map(({ text }) => text.kvTarget(index));
      layers.step(index, rows, targets, () => {
        for (const [row, { text }] of fed.entries()) text.kvWritten(index, row);
        return queriesOf();
      });
    } else {
      layers.finish(index, rows, queriesOf());
    }
    onState?.(shared.read(hidden));
  }
  return fed.map((_, row) => shared.read(shared.rowOf(hidden, row)));
}
