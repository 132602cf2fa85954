import { openSpace } from '../../../worker/storage/space.ts';
import type { TimedPlans } from './timed-plans.ts';

const space = openSpace('throughput', (value): value is unknown => value !== undefined);
const KEY = ['last'];

/** Keeps the result. Nothing is lost if the device refuses: it stays until the page is closed. */
export async function keepTiming(result: TimedPlans): Promise<void> {
  await space.set(KEY, result).catch(() => undefined);
}

/** What this device has kept, or null. Its check is loaded only if there is something to check. */
export async function keptTiming(): Promise<TimedPlans | null> {
  const found = await space.get(KEY).catch(() => undefined);
  if (found === undefined) return null;
  const { readThroughput } = await import('./read-throughput.ts');
  return readThroughput(found);
}
