import type { SharingConfig } from '../../worker/protocol/load.ts';
import { defaultConfig, sharingOf, type PlaygroundConfig } from './settings.ts';

/**
 * The sharing settings to change when a model's own values become known: those that still hold the previous default.
 * What the person typed in the meantime stays.
 */
export function replaceUnedited(
  config: Readonly<PlaygroundConfig>,
  before: SharingConfig | null,
  now: ReturnType<typeof sharingOf>,
): Partial<ReturnType<typeof sharingOf>> {
  const untouched = before ?? sharingOf(defaultConfig);
  const current = sharingOf(config);
  const entries = Object.entries(now).filter(([key]) => {
    const field = key as keyof SharingConfig; // Object.entries forgets the keys' type
    return current[field] === untouched[field];
  });
  return Object.fromEntries(entries);
}
