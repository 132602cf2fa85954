import type { PrefillOptions } from '../../gpu/backend.ts';
import type { Policy } from '../../gpu/kv/policies/policy.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { KvPrecision } from '../../gpu/kv/usage.ts';
import { evictionOf, piecesOf } from '../engine/open-policy.ts';
import type { RunnableModel, RunOptions } from '../engine/generate.ts';
import { applyConfig } from '../loader/apply-config.ts';
import { Refused, valueOf } from '../outcome.ts';
import type { SharingConfig } from '../protocol/load.ts';

/** One turn to read, and which of its logits to return. */
export interface ReadTurn {
  readonly tokens: readonly number[];
  /** How it is read; or `fed`, token by token, as decoding would. */
  readonly mode: Mode | 'fed';
  /** The first position whose logits are returned, counted from the start of the turn. */
  readonly logitsFrom: number;
  readonly onMovement?: PrefillOptions['onMovement'];
}

export interface ReadOptions extends RunOptions {
  readonly config: Partial<SharingConfig>;
  /** Whether passes leave out what no longer moves. */
  readonly freeze?: boolean | undefined;
  readonly kvPrecision: KvPrecision;
  readonly policy: Policy;
  /** The fractions of the whole work that are done before and after this reading, for the progress. */
  readonly fractionFrom: number;
  readonly fractionTo: number;
}

/**
 * Reads given tokens under a configuration and passes on their logits in order, one row at a time, so that they are
 * never all in memory at once.
 *
 * @throws Refused, also if it was stopped, because half an evaluation is of no use
 */
export async function readTurns(
  model: RunnableModel,
  turns: readonly ReadTurn[],
  onRow: (logits: Float32Array) => void,
  options: ReadOptions,
): Promise<void> {
  const { config, weights } = model;
  const { sharing, passes } = valueOf(
    applyConfig(config.stored, options.config, config.dims.layerCount, options.freeze),
  );
  const promptTokens = turns.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const session = await weights.open({
    sharing,
    passes,
    kvPrecision: options.kvPrecision,
    capacityTokens: promptTokens,
    ...(await evictionOf(model, sharing, options.policy, { scored: false, promptTokens })),
  });
  let read = 0;
  const report = (done: number, mode: Mode) => {
    const { fractionFrom, fractionTo } = options;
    const fraction = fractionFrom + ((read + done) / promptTokens) * (fractionTo - fractionFrom);
    options.emit({ type: 'prefill', fraction, promptTokens, mode });
  };
  const { stopped } = options;
  try {
    for (const { tokens, mode, logitsFrom, onMovement } of turns) {
      if (mode === 'fed') {
        const onLogits = (index: number, row: Float32Array) => {
          if (index >= logitsFrom) onRow(row);
          report(index + 1, 'sequential');
        };
        if (!(await session.feed(tokens, { onLogits, stopped }))) throw new Refused({ code: 'stopped' });
        read += tokens.length;
        continue;
      }
      let start = 0; // of the piece, in the turn
      for (const piece of piecesOf(tokens, options.policy)) {
        const from = Math.max(0, logitsFrom - start);
        const finished = await session.prefill(piece, {
          mode,
          logitsAt: Array.from({ length: Math.max(0, piece.length - from) }, (_, i) => from + i),
          onLogits: (_, row) => {
            onRow(row);
          },
          onProgress: (fraction) => {
            report(fraction * piece.length, mode);
          },
          stopped,
          ...(onMovement && { onMovement }),
        });
        if (!finished) throw new Refused({ code: 'stopped' });
        start += piece.length;
        read += piece.length;
      }
    }
  } finally {
    session.close();
  }
}
