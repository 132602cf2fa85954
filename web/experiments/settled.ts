import { attemptAsync } from '../../worker/outcome.ts';
import type { Outcome } from '../../worker/protocol/failure.ts';
import { unexpectedFailure } from '../../worker/unexpected-failure.ts';

/** What was refused, and bugs too, as outcomes: the engine that is lent has to be given back. */
export async function settled<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return await attemptAsync(work);
  } catch (error) {
    return { ok: false, failure: unexpectedFailure(error) };
  }
}
