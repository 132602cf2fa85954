import type { StepWatch } from '../cpu/decoder.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { KvTarget, Query } from './query.ts';
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
  /** Whether all that it asks of a layer is known before: no policy looks at what the layer writes. */
  readonly keepsEverything: boolean;
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
  const targetsOf = (layer: number) =>
    shared.owners.has(layer) ? fed.map(({ text }) => text.kvTarget(layer)) : null;
  const queriesOf = (layer: LayerType) => fed.map(({ text }) => text.query(layer));
  const watched = onState !== undefined || onAttention !== undefined;
  if (!watched && layers.worthApart(fed.length) && fed.every(({ text }) => text.keepsEverything)) {
    layers.stepApart(
      rows,
      options.sharing.layers.map((layer) => ({
        ...{ layer: layer.index, targets: targetsOf(layer.index), queries: queriesOf(layer) },
      })),
    );
  } else {
    for (const layer of options.sharing.layers) {
      const { index } = layer;
      const watchedQueries = () =>
        queriesOf(layer).map((query, row) => (row === 0 && onAttention ? { ...query, onAttention } : query));
      const targets = targetsOf(index);
      if (targets) {
        layers.step(index, rows, targets, () => {
          for (const [row, { text }] of fed.entries()) text.kvWritten(index, row);
          return watchedQueries();
        });
      } else {
        layers.finish(index, rows, watchedQueries());
      }
      onState?.(shared.read(hidden));
    }
  }
  return fed.map((_, row) => shared.read(shared.rowOf(hidden, row)));
}
