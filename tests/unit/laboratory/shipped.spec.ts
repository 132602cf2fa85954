import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { Sources } from '../../../tools/lab/sources.ts';
import { engineVersionAt } from '../../../worker/laboratory/engine-version.ts';
import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import { itemsOfMeasure, sourceOf } from '../../../worker/laboratory/measure-items.ts';
import { shippedStories } from '../../../worker/laboratory/measures.ts';

const folder = 'public/laboratory';
const sources = new Sources([join(folder, 'tasks')]);

it.each(readdirSync(join(folder, 'experiments')))(
  'The experiment %s that ships finds its texts',
  async (file) => {
    const json: unknown = JSON.parse(readFileSync(join(folder, 'experiments', file), 'utf8'));
    const { rows, measures } = readExperiment(json);
    expect(rows.length).toBeGreaterThan(3);
    for (const measure of measures) {
      const wanted = sourceOf(measure);
      const { facts } = itemsOfMeasure(measure, wanted ? await sources.read(wanted) : '', {
        contextTokens: 512,
        seed: 1,
      });
      expect(facts.length).toBeGreaterThan(5);
    }
  },
);

it('The stories of recall ship', async () => {
  expect(await sources.read(shippedStories)).toContain('"ctx"');
});

it('Records are keyed by the version of package.json', () => {
  expect(engineVersionAt('abc')).toBe(`${packageJson.version}+abc`);
});
