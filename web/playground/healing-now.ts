import type { Evaluated } from '../../worker/protocol/heal.ts';

/** What is being healed, or was healed last. */
export interface HealingNow {
  readonly model: string;
  readonly layerTypes: string;
  readonly slidingWindow: number;
  /** Whether steps are taken now. */
  readonly going: boolean;
  /** Whether the readings are of the sample that ships; null until the text was read. */
  readonly onSample: boolean | null;
  readonly evaluations: readonly Evaluated[];
}
