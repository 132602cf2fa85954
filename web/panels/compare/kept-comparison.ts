import { openSpace } from '../../../worker/storage/space.ts';
import { explicitHash } from '../../settings/explicit-hash.ts';
import type { Compared, Contender } from './compared.ts';

/** What is kept of a comparison on this device. */
interface Kept {
  readonly contenders: readonly Contender[];
  readonly result: Compared | null;
}

const space = openSpace('comparison', (value): value is unknown => value !== undefined);
const KEY = ['last'];

/** Keeps the contenders as links, which say the same to a later version. Nothing is lost if the device refuses. */
export async function keepComparison({ contenders, result }: Kept): Promise<void> {
  const links = contenders.map(({ id, config, runner }) => ({
    id,
    link: explicitHash(config, null),
    runner,
  }));
  await space.set(KEY, { contenders: links, result }).catch(() => undefined);
}

/** What this device has kept, or null. Its check is loaded only if there is something to check. */
export async function keptComparison(): Promise<Kept | null> {
  const found = await space.get(KEY).catch(() => undefined);
  if (found === undefined) return null;
  const { readComparison } = await import('./read-comparison.ts');
  return readComparison(found);
}
