import type { GroupMovement } from '../../gpu/plan/movement.ts';
import { checkAllGiven, promptTurns, tokensOf } from '../engine/check-request.ts';
import { policyOf } from '../engine/open-policy.ts';
import type { RunnableModel, RunOptions } from '../engine/generate.ts';
import type { Convergence, ConvergenceRequest } from '../protocol/evaluate.ts';
import { Comparison, KeptRows } from './divergence.ts';
import { readTurns, type ReadTurn } from './read-turns.ts';

/**
 * The movements of turns and chunks of a prompt as those of the whole, by group. One that takes fewer passes is settled.
 */
export function joinChunks(movements: readonly GroupMovement[]): readonly GroupMovement[] {
  const starts = [...new Set(movements.map(({ group }) => group.start))];
  return starts.flatMap((groupStart) => {
    const chunks = movements.filter(({ group }) => group.start === groupStart);
    const [first] = chunks;
    if (!first || chunks.length === 1) return chunks;
    const rowsOf = ({ relative, passes }: GroupMovement) => relative.length / passes;
    const passes = Math.max(...chunks.map((chunk) => chunk.passes));
    const rows = chunks.reduce((sum, chunk) => sum + rowsOf(chunk), 0);
    const relative = new Float32Array(passes * rows);
    let start = 0;
    for (const chunk of chunks) {
      const width = rowsOf(chunk);
      for (let pass = 0; pass < chunk.passes; pass++) {
        relative.set(chunk.relative.subarray(pass * width, (pass + 1) * width), pass * rows + start);
      }
      start += width;
    }
    return [{ group: first.group, passes, relative }];
  });
}

/**
 * Reads a prompt in parallel mode and records how far each pass moved each position. On request, also computes how far
 * the result is from that of sequential mode, which is exact.
 *
 * @throws Refused with `bad-request`, `bad-config`, `bad-layer-types` or `stopped`; BackendError
 */
export async function watchConvergence(
  model: RunnableModel,
  { input, config, freeze, kvPrecision, policy: asked, exact }: ConvergenceRequest,
  options: RunOptions,
): Promise<Convergence> {
  const { dims } = model.config;
  // Nothing is written, and for a prompt only Keyformer's temperature would depend on how much.
  const policy = await policyOf(asked, { contextTokens: dims.contextTokens, maxNewTokens: 0 });
  const turns = await promptTurns(input, model.text, dims, policy);
  checkAllGiven('turns', turns);
  const tokens = tokensOf(turns);
  const groups: GroupMovement[] = [];
  const kept = new KeptRows(dims.vocabSize);
  const read = (how: Omit<ReadTurn, 'tokens' | 'logitsFrom'>, onRow: (row: Float32Array) => void, from = 0) =>
    readTurns(
      model,
      turns.map((turn) => ({
        ...how,
        tokens: turn.tokens,
        logitsFrom: exact ? 0 : turn.tokens.length,
      })),
      onRow,
      {
        ...options,
        ...{ config, freeze, kvPrecision },
        // A turn is read whole, and nothing is evicted before its end, unless it is read in chunks.
        policy,
        fractionFrom: from,
        fractionTo: exact && from === 0 ? 0.5 : 1,
      },
    );

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
    groups: joinChunks(groups),
    divergence,
  };
}
