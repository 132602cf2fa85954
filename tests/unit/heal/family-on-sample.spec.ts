import { readdirSync, readFileSync } from 'node:fs';
import { expect, inject, it } from 'vitest';
import { defaultRecipe } from '../../../gpu/train/recipe.ts';
import { evaluate } from '../../../worker/heal/healing.ts';
import { openHealing } from '../../../worker/heal/open-healing.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import { shippedSource } from '../worker/sources.ts';

const publicFile = (path: string) => new URL(`../../../public/${path}`, import.meta.url);
const read = (path: string) => readFileSync(publicFile(path), 'utf8');

const { windows, tokensPerWindow, bitsPerByte } = JSON.parse(read('healing/family.json')) as {
  readonly windows: number;
  readonly tokensPerWindow: number;
  readonly bitsPerByte: Readonly<Record<string, number>>;
};
const shipped = readdirSync(publicFile('models')).filter((name) => !name.includes('.'));

it('has every model that ships', () => {
  expect(Object.keys(bitsPerByte).sort()).toEqual([...shipped].sort());
});

// A change is tested on a plain model and one with passes.
const sampled = inject('samples') === 'all' ? shipped : ['fairy-llama', 'fairy-sandwich'];

it.each(sampled)(
  'has what a healing measures for %s before its first step',
  { timeout: 60_000 },
  async (model) => {
    const opened = await openHealing(
      {
        ...{ model, config: {}, evaluateEverySteps: 1, heldOutWindows: windows },
        recipe: { ...defaultRecipe('projections', 0), tokensPerSequence: tokensPerWindow },
        text: {
          name: 'sample',
          // Nothing is trained.
          train: read('healing/train.txt').slice(0, 5000),
          heldOut: read('healing/held-out.txt'),
        },
      },
      shippedSource(model),
      placeHere,
    );
    const measured = await evaluate(opened, { breathe: () => Promise.resolve(), stopped: () => false });
    opened.text.close();
    expect(opened.facts.onSample).toBe(true);
    expect(measured?.bitsPerByte).toBeCloseTo(bitsPerByte[model] ?? NaN, 4);
  },
);
