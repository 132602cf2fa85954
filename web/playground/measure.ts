import type { Failure, Outcome } from '../../worker/protocol/failure.ts';
import type { EngineClient } from './engine-client.ts';
import type { Phase } from './phase.ts';

/** What the page needs of the worker's client. */
export type Engine = Pick<
  EngineClient,
  'load' | 'generate' | 'measureConvergence' | 'score' | 'countTokens' | 'stop'
>;

/** Says how far a measurement has come, and what it does now. */
export type Tell = (share: number, what?: string) => void;

/** Something that asks the engine more than one run. */
export type Measurement<T> = (engine: Engine, tell: Tell) => Promise<Outcome<T>>;

/** The part of the page's state that a measurement changes. */
interface Host {
  phase: Phase;
  failure: Failure | null;
}

/**
 * Lends the engine to a measurement.
 *
 * @param what is done, in words
 * @returns null where the engine is not free, or where it failed, which is then told to `fail`
 */
export async function measureOn<T>(
  host: Host,
  engine: Engine,
  what: string,
  work: Measurement<T>,
  fail: (failure: Failure) => void,
): Promise<T | null> {
  if (host.phase.at !== 'ready') return null;
  const { model } = host.phase;
  const measuring = () => host.phase.at === 'measuring';
  host.failure = null;
  host.phase = { at: 'measuring', model, what, share: 0 };
  const outcome = await work(engine, (share, now = what) => {
    if (measuring()) host.phase = { at: 'measuring', model, what: now, share };
  });
  // Where another model was chosen meanwhile, its loading goes on.
  if (measuring()) {
    host.phase = { at: 'ready', model };
    if (!outcome.ok) fail(outcome.failure);
  }
  return outcome.ok ? outcome.value : null;
}
