import type { Locks } from './experiment-locks.ts';
import type { Summarize } from './summary-client.ts';

/** What a laboratory needs of the page around it. */
export interface Surroundings {
  readonly pageUrl: string;
  readonly locks: Locks;
  readonly summarize: Summarize;
  /** Waits until the page has a model, as long as that is wanted. */
  readonly modelIsReady: (isWanted: () => boolean) => Promise<boolean>;
}
