import 'fake-indexeddb/auto';
import { expect, it } from 'vitest';
import {
  countUnreadableExperiments,
  keepExperiment,
  keptExperiments,
  removeUnreadableExperiments,
} from '../../../web/panels/laboratory/kept-experiments.ts';
import { peerExperiment } from '../../support/peer-experiment.ts';
import { openSpace } from '../../../worker/storage/space.ts';

it('Kept experiments are those of this form, each under its own key, and the others are counted and deleted', async () => {
  const own = { id: 'a', json: peerExperiment, usedAtMs: 7 };
  await keepExperiment(own);
  const space = openSpace('laboratory-experiments', (value): value is unknown => value !== undefined);
  await space.set(['b'], own); // twice in one list would break it
  await space.set(['c'], { ...own, id: 'c', usedAtMs: NaN });
  await space.set(['d'], { ...own, id: 'd', json: 'x' });
  // Of another version, and one that lost a part: they would be opened, and refused with the name of a field alone.
  await space.set(['e'], { ...own, id: 'e', json: { ...peerExperiment, experiment: 2 } });
  await space.set(['f'], { ...own, id: 'f', json: { ...peerExperiment, measure: undefined } });
  expect(await keptExperiments()).toEqual([own]);
  expect(await countUnreadableExperiments()).toBe(5);

  const records = openSpace('laboratory-records', (value): value is unknown => value !== undefined);
  await space.set([], 'under no key');
  await space.set(['a', 'x'], own);
  await records.set(['a', 'item'], 1);
  await records.set(['c', 'item'], 2);
  await removeUnreadableExperiments();
  expect(await countUnreadableExperiments()).toBe(0);
  expect(await keptExperiments()).toEqual([own]);
  expect(await records.keys()).toEqual([['a', 'item']]);
});
