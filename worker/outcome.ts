import type { Failure, Outcome } from './protocol/failure.ts';

/** Carries a failure up to the nearest {@link attempt}; never crosses to the page. */
export class Refused extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(`refused: ${JSON.stringify(failure)}`);
    this.name = 'Refused';
    this.failure = failure;
  }
}

/** A request that cannot be followed: which field is wrong, and why. */
export const badRequest = (field: string, reason: string) =>
  new Refused({ code: 'bad-request', field, reason });

export const succeed = <T>(value: T): Outcome<T> => ({ ok: true, value });

export const fail = (failure: Failure): Outcome<never> => ({ ok: false, failure });

/** What `work` returns, or the failure that it threw as {@link Refused}. Other exceptions are bugs and pass through. */
export function attempt<T>(work: () => T): Outcome<T> {
  try {
    return succeed(work());
  } catch (error) {
    return caught(error);
  }
}

/** {@link attempt} for work that takes its time. */
export async function attemptAsync<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return succeed(await work());
  } catch (error) {
    return caught(error);
  }
}

/** The value of an outcome; throws its failure as {@link Refused}. */
export function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Refused(outcome.failure);
  return outcome.value;
}

function caught(error: unknown): Outcome<never> {
  if (error instanceof Refused) return fail(error.failure);
  throw error;
}
