import type { PrefillOptions } from '../../gpu/backend.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { KvPrecision } from '../../gpu/kv/usage.ts';
import type { RunnableModel, RunOptions } from '../engine/generate.ts';
import { applyConfig } from '../loader/apply-config.ts';
import { Refused, valueOf } from '../outcome.ts';
import type { SharingConfig } from '../protocol/load.ts';

/** One turn to read, and which of its logits to return. */
export interface ReadTurn {
  readonly tokens: readonly number[];
  readonly mode: Mode;
  /** The first position whose logits are returned, counted from the start of the turn. */
  readonly logitsFrom: number;
  readonly onMovement?: PrefillOptions['onMovement'];
}

export interface ReadOptions extends RunOptions {
  readonly config: Partial<SharingConfig>;
  readonly kvPrecision: KvPrecision;
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
  { config, weights }: RunnableModel,
  turns: readonly ReadTurn[],
  onRow: (logits: Float32Array) => void,
  options: ReadOptions,
): Promise<void> {
  const { sharing, passes } = valueOf(applyConfig(config.stored, options.config, config.dims.layerCount));
  const promptTokens = turns.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const session = await weights.open({
    sharing,
    passes,
    kvPrecision: options.kvPrecision,
    capacityTokens: promptTokens,
  });
  try {
    let read = 0;
    for (const { tokens, mode, logitsFrom, onMovement } of turns) {
      const start = read;
      const count = Math.max(0, tokens.length - logitsFrom);
      const finished = await session.prefill(tokens, {
        mode,
        logitsAt: Array.from({ length: count }, (_, i) => logitsFrom + i),
        onLogits: (_, row) => {
          onRow(row);
        },
        onProgress: (done) => {
          const fraction = (start + done * tokens.length) / promptTokens;
          const { fractionFrom, fractionTo } = options;
          options.emit({
            type: 'prefill',
            fraction: fractionFrom + fraction * (fractionTo - fractionFrom),
            promptTokens,
            mode,
          });
        },
        stopped: options.stopped,
        ...(onMovement && { onMovement }),
      });
      if (!finished) throw new Refused({ code: 'stopped' });
      read += tokens.length;
    }
  } finally {
    session.close();
  }
}
