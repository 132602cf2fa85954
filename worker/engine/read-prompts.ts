import type { Batch, BatchPrefillOptions, BatchText, BatchTurn } from '../../gpu/backend.ts';
import type { Policy } from '../../gpu/kv/policies/policy.ts';
import { piecesOf } from './open-policy.ts';

/** A prompt that a text of a batch begins with, or goes on with. */
export interface PromptOfText extends BatchTurn {
  readonly text: BatchText;
  readonly policy: Policy;
}

/**
 * Reads a prompt into each of some texts, together, in the pieces of its policy.
 *
 * @returns false if it was stopped
 */
export async function readPrompts(
  batch: Batch,
  prompts: readonly PromptOfText[],
  options: Omit<BatchPrefillOptions, 'onProgress'>,
): Promise<boolean> {
  const pieces = prompts.map(({ tokens, policy }) => piecesOf(tokens, policy));
  const starts = prompts.map(() => 0);
  const most = Math.max(0, ...pieces.map(({ length }) => length));
  for (let at = 0; at < most; at++) {
    const turns = prompts.flatMap(({ text, mode, likelihoods }, i): BatchTurn[] => {
      const tokens = pieces[i]?.[at];
      if (!tokens) return [];
      const start = starts[i] ?? 0;
      starts[i] = start + tokens.length;
      return [
        {
          text,
          tokens,
          mode,
          ...(likelihoods && { likelihoods: within(likelihoods, start, tokens.length) }),
        },
      ];
    });
    if (!(await batch.prefill(turns, { ...options, onProgress: () => undefined }))) return false;
  }
  return true;
}

/** What is wanted of a part of a turn. */
export function within(
  { wanted, onLikelihood }: NonNullable<BatchTurn['likelihoods']>,
  start: number,
  length: number,
): NonNullable<BatchTurn['likelihoods']> {
  const isBefore = ({ position }: { readonly position: number }) => position < start;
  const before = wanted.filter(isBefore).length;
  return {
    wanted: wanted
      .filter(({ position }) => position >= start && position < start + length)
      .map(({ position, token }) => ({ position: position - start, token })),
    onLikelihood: (index, likelihood) => {
      onLikelihood(before + index, likelihood);
    },
  };
}
