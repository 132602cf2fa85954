import { expect, it } from 'vitest';
import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import { planExperiment, type Cell } from '../../../worker/laboratory/plan-experiment.ts';
import { TokenCounts } from '../../../worker/laboratory/token-counts.ts';
import { succeed } from '../../../worker/outcome.ts';

/** Two measures of one text on two models, each under two plans. */
const experiment = readExperiment({
  experiment: 1,
  vary: [{ model: ['one', 'other'] }, { layers: ['0_1', '0_0'] }],
  measure: ['first', 'second'].map((id) => ({
    ...{ id, kind: 'rolling', text: { sha256: 'a'.repeat(64) } },
  })),
});

const cells = () =>
  planExperiment(experiment, {
    engineVersion: 'test',
    digestOf: (model) => Promise.resolve(model),
    readSource: () => Promise.resolve('A tale.'),
  });

async function countAll(wanted: (cell: Cell) => boolean) {
  let asked = 0;
  const counts = new TokenCounts({ countWork: () => Promise.resolve(succeed({ tokens: [10 * ++asked] })) });
  const counted: (readonly number[])[] = [];
  for (const cell of (await cells()).filter(wanted)) counted.push(await counts.of(cell, cell.workFor(512)));
  return { asked, counted, counts };
}

it('The tokens of a measure are counted once for each model, whatever its plan', async () => {
  const { asked, counted } = await countAll(() => true);
  expect(asked).toBe(4);
  expect(counted.flat()).toEqual([10, 20, 10, 20, 30, 40, 30, 40]);
});

it('A cell that is not counted yet is taken to be like that of another model, or else to be empty', async () => {
  const { counts } = await countAll(({ row, measure }) => row.model === 'one' && measure.id === 'first');
  const means = (await cells()).map((cell) => counts.meanOf(cell));
  expect(means).toEqual([10, 0, 10, 0, 10, 0, 10, 0]);
});
