import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import type { GroupMovement } from '../../gpu/plan/movement.ts';
import { promptTurns, tokensOf } from '../engine/check-request.ts';
import type { RunnableModel, RunOptions } from '../engine/generate.ts';
import type { Convergence, ConvergenceRequest } from '../protocol/evaluate.ts';
import { Comparison, KeptRows } from './divergence.ts';
import { readTurns, type ReadTurn } from './read-turns.ts';

/**
 * Reads a prompt in parallel mode and records how far each pass moved each position. On request, also computes how far
 * the result is from that of sequential mode, which is exact.
 *
 * @throws Refused with `bad-request`, `bad-config`, `bad-layer-types` or `stopped`; BackendError
 */
export async function watchConvergence(
  model: RunnableModel,
  { input, config, kvPrecision, exact }: ConvergenceRequest,
  options: RunOptions,
): Promise<Convergence> {
  const { dims } = model.config;
  const tokens = tokensOf(await promptTurns(input, model.text, dims));
  const groups: GroupMovement[] = [];
  const kept = new KeptRows(dims.vocabSize);
  const read = (
    turn: Omit<ReadTurn, 'tokens' | 'logitsFrom'>,
    onRow: (row: Float32Array) => void,
    from = 0,
  ) =>
    readTurns(model, [{ ...turn, tokens, logitsFrom: exact ? 0 : tokens.length }], onRow, {
      ...options,
      config,
      kvPrecision,
      // A prompt is read whole, and nothing is evicted before its end.
      policy: keepEverything,
      fractionFrom: from,
      fractionTo: exact && from === 0 ? 0.5 : 1,
    });

  await read({ mode: 'parallel', onMovement: (movement) => groups.push(movement) }, (row) => kept.push(row));
  let divergence = null;
  if (exact) {
    const comparison = new Comparison();
    let position = 0;
    await read({ mode: 'sequential' }, (row) => comparison.add(row, kept.at(position++)), 0.5);
    divergence = comparison.result();
  }
  const texts = await model.text?.textsOf(tokens.map((id, i) => [tokens[i - 1], id]));
  return {
    tokens: tokens.map((id, i) => ({ id, text: texts?.[i] ?? '' })),
    groups,
    divergence,
  };
}
