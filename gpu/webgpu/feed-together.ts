import type { GivenTokens } from '../backend.ts';
import { MAX_STEPS_IN_FLIGHT } from '../kv/usage.ts';
import { paddedCols } from '../numbers/matrix-format.ts';
import { BATCH_STEP, type BatchBuffers } from './batch-buffers.ts';
import type { BatchRecordings, SharedForward } from './batch-recordings.ts';
import type { PlacedText } from './batch-text.ts';
import { FedLikelihoods } from './fed-likelihoods.ts';
import type { Columns } from './kernels/columns.ts';
import { packSteps } from './step.ts';

/** What a step of a batch is made of. */
export interface SteppableBatch {
  readonly shared: SharedForward;
  readonly buffers: BatchBuffers;
  readonly recordings: BatchRecordings;
  /** The rows of the step at hand. */
  readonly tables: Uint32Array<ArrayBuffer>;
  readonly onStep: () => void;
}

/** Says which rows the next replay computes. */
export function writeStep({ shared, buffers, tables }: SteppableBatch, rows: number): void {
  const { queue } = shared.context.device;
  const { windowTokens } = shared.sharing;
  queue.writeBuffer(buffers.rowTablesBuffer, 0, tables);
  queue.writeBuffer(buffers.step, BATCH_STEP, packSteps([{ rows, firstRow: 0, windowTokens }]));
}

type Fed = Omit<GivenTokens, 'text'> & { readonly text: PlacedText };

/** What is told while tokens are fed. */
interface FeedReports {
  /** Called when everything is compiled and allocated. */
  readonly onPrepared: () => void;
  /** Receives the tokens fed so far, of all texts together. */
  readonly onFed: (tokens: number) => void;
  readonly stopped: () => boolean;
}

/**
 * Feeds given tokens, a step for the next of each text that has one. Nothing is read back before the last one.
 *
 * @param columns rows that matrix kernels take at once
 * @throws BackendError `not-finite`
 * @returns false if it was stopped
 */
export async function feedTogether(
  batch: SteppableBatch,
  given: readonly Fed[],
  columns: Columns,
  { onPrepared, onFed, stopped }: FeedReports,
): Promise<boolean> {
  const { shared, buffers, recordings, tables, onStep } = batch;
  const { context } = shared;
  const { queue } = context.device;
  // The longest first, so that those that go on keep their rows.
  const lines = given.toSorted((a, b) => b.tokens.length - a.tokens.length);
  const length = lines[0]?.tokens.length ?? 0;
  const starts = lines.map(({ text }) => text.tokens);
  const { layers, head } = await recordings.of(columns);
  const scope = context.ledger.scope('fed tokens');
  try {
    const likelihoods = await FedLikelihoods.open(shared, scope, lines, buffers.logits);
    for (const { text, tokens } of lines) text.give(tokens);
    onPrepared();
    let fed = 0;
    for (let index = 0; index < length; index++) {
      if (stopped()) return false;
      const going = lines.filter(({ tokens }) => tokens.length > index);
      const rows = going.length;
      tables.fill(0); // A row that the step does not use sees few keys, and costs little.
      for (const [row, { text }] of going.entries()) text.takeGiven(tables, row);
      writeStep(batch, rows);
      onStep();
      const encoder = context.device.createCommandEncoder({ label: 'step' });
      const pass = encoder.beginComputePass();
      layers.replay(pass, BATCH_STEP, rows);
      if (likelihoods?.wants(index)) {
        head.replay(pass, BATCH_STEP, rows);
        likelihoods.replay(pass, index);
      }
      pass.end();
      for (const [row, { text, tokens }] of going.entries()) {
        if (tokens.length === index + 1) keepRow(batch, encoder, text, row);
      }
      queue.submit([encoder.finish()]);
      if (index === length - 1 || index % MAX_STEPS_IN_FLIGHT === MAX_STEPS_IN_FLIGHT - 1) {
        await context.wait(queue.onSubmittedWorkDone());
      }
      onFed((fed += rows));
    }
    const bad = await likelihoods?.handOn();
    const line = bad && lines[bad.row];
    if (line) throw await line.text.notFiniteAt((starts[bad.row] ?? 0) + bad.index);
    return !stopped();
  } finally {
    scope.free();
  }
}

/** Keeps the hidden state of a step's row, from which the text's next token is drawn. */
function keepRow(
  { shared, buffers: { hidden, waiting } }: SteppableBatch,
  encoder: GPUCommandEncoder,
  text: PlacedText,
  row: number,
): void {
  const bytes = 4 * paddedCols(shared.dims.hiddenSize);
  encoder.copyBufferToBuffer(hidden, row * bytes, waiting, text.place * bytes, bytes);
  text.startsAnew();
}
