import type { StepForward } from './forward.ts';
import type { Recorder } from './kernel.ts';
import { keepLogits } from './kernels/keep-logits.ts';
import { probabilities } from './kernels/probabilities.ts';

// Loaded only for a session that computes the probabilities of its tokens.

/** `session.logits` once more, as the model computed them. */
export function recordKeptLogits(r: Recorder, { dims, session }: StepForward): void {
  if (session.probabilities)
    r.add(keepLogits, dims, { logits: session.logits, kept: session.probabilities.logits });
}

/** What the kept logits say of the token that was drawn: to `session.probabilities.words`. */
export function recordProbabilities(r: Recorder, { context, dims, session }: StepForward): void {
  if (!session.probabilities) return;
  const { logits, words } = session.probabilities;
  r.add(
    probabilities,
    { vocabSize: dims.vocabSize, workgroup: context.tuning.sampleWorkgroup },
    { logits, tokens: session.tokens, probabilities: words, rows: session.rows },
  );
}
