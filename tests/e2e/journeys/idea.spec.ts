import { expect } from 'playwright/test';
import { dragByFinger } from '../drag-by-finger.ts';
import { journey, type Person } from './person.ts';

/** The idea: layer 3 reads layer 0. Keys name the layer that is read. */
async function dragToReadBottom(person: Person): Promise<void> {
  const { page } = person;
  const disc = (layer: number) =>
    page.getByRole('option', { name: new RegExp(`^Layer ${layer}\\b`) }).locator('.disc');
  if (person.hand === 'keyboard') {
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('0');
    return;
  }
  await disc(3).evaluate((found) => found.scrollIntoView({ block: 'center' }));
  const at = async (layer: number) => {
    const box = await disc(layer).boundingBox();
    return { x: (box?.x ?? 0) + 13, y: (box?.y ?? 0) + 13 };
  };
  const places = [await at(3), await at(2), await at(0)] as const;
  if (person.hand === 'mouse') {
    await page.mouse.move(places[0].x, places[0].y);
    await page.mouse.down();
    for (const { x, y } of places) await page.mouse.move(x, y);
    await page.mouse.up();
    return;
  }
  await dragByFinger(page, places);
}

journey(
  'an idea is typed with a mistake, corrected, dragged and undone',
  { sample: ['mouse', 'keyboard'], screen: 'any' },
  async (person) => {
    const { page, lab } = person;
    await person.visit();
    await person.unfold('KV sharing');
    await person.fill(lab.layerTypes, '0_6_6_6_9_6_6_7');
    await expect(lab.layerTypes).toHaveAccessibleDescription('Layer 4: there is no layer 9');
    await expect(lab.kv).toContainText('correct the layer types');
    await person.press(lab.generate, { blocked: true });
    await expect(lab.layerTypes, 'Generate leads to the mistake').toBeFocused();

    if (person.hand === 'keyboard') {
      await person.reach(page.getByRole('listbox', { name: /^Layers/ }));
      for (let layer = 0; layer < 4; layer++) await page.keyboard.press('ArrowUp');
      await page.keyboard.press('4');
    } else {
      await person.press(page.getByRole('option', { name: /^Layer 4\b/ }));
      await person.select(page.getByRole('combobox', { name: 'Reads layer' }), '4');
    }
    await expect(lab.layerTypes).toHaveValue('0_6_6_6_4_6_6_7');
    await expect(lab.kv).toContainText('50 % of plain LLaMA');

    await dragToReadBottom(person);
    await expect(lab.layerTypes).toHaveValue('0_6_6_0_4_6_6_7');
    for (const before of ['0_6_6_6_4_6_6_7', '0_6_6_6_9_6_6_7', '0_6_6_6_6_6_6_7']) {
      await person.pressButton('Undo');
      await expect(lab.layerTypes).toHaveValue(before);
    }
    await person.press(lab.generate);
    await expect(lab.output).not.toBeEmpty();
    await expect(lab.output).toBeInViewport();
  },
);
