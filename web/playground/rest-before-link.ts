import type { PlaygroundConfig } from '../settings/settings.ts';

/** Links are written after a rest, because browsers refuse addresses that change with every key. */
const REST_MS = 300;
/** Writing a long link is slow, so that long texts rest longer: 100,000 characters 2 s more. */
const REST_MS_PER_CHARACTER = 0.02;
const LONGEST_REST_MS = 2500;

/** How long a configuration has to stay as it is before its link is written. */
export const restBeforeLink = ({ prompt, layerTypes }: Pick<PlaygroundConfig, 'prompt' | 'layerTypes'>) =>
  Math.min(REST_MS + REST_MS_PER_CHARACTER * (prompt.length + layerTypes.length), LONGEST_REST_MS);
