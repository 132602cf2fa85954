import type { Failure, Outcome } from '../../worker/protocol/failure.ts';
import type { EngineClient } from './engine-client.ts';
import type { Phase } from './phase.ts';

/** What the page needs from the worker's client. */
export type Engine = Pick<
  EngineClient,
  | 'load'
  | 'generate'
  | 'generateSequences'
  | 'watchConvergence'
  | 'readAttention'
  | 'score'
  | 'countTokens'
  | 'stop'
>;

/** Reports how much of the work is done, from 0 to 1, and what is being done now. */
export type ReportProgress = (fraction: number, what?: string) => void;

/** Work that asks the engine for something other than a run of the page, or for several. */
export type EngineWork<T> = (engine: Engine, report: ReportProgress) => Promise<Outcome<T>>;

/** The part of the page's state that changes while the engine is lent out. */
interface Host {
  phase: Phase;
  failure: Failure | null;
}

/**
 * Lends the engine to a panel's work and shows the progress of that work as the phase of the page.
 *
 * @param what names the work for the progress line
 * @returns null if the engine is not free, or if the work failed, which it then reports to `fail`
 */
export async function borrowEngine<T>(
  host: Host,
  engine: Engine,
  what: string,
  work: EngineWork<T>,
  fail: (failure: Failure) => void,
): Promise<T | null> {
  if (host.phase.at !== 'ready') return null;
  const { model } = host.phase;
  const evaluating = () => host.phase.at === 'evaluating';
  host.failure = null;
  host.phase = { at: 'evaluating', model, what, fraction: 0 };
  const outcome = await work(engine, (fraction, now = what) => {
    if (evaluating()) host.phase = { at: 'evaluating', model, what: now, fraction };
  });
  // If another model was chosen meanwhile, the phase is its loading.
  if (evaluating()) {
    host.phase = { at: 'ready', model };
    if (!outcome.ok) fail(outcome.failure);
  }
  return outcome.ok ? outcome.value : null;
}
