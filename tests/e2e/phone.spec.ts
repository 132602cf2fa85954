import { expect, test } from 'playwright/test';
import { dragByFinger } from './drag-by-finger.ts';
import { finished, unfold, visit } from './lab.ts';

test.describe('with a finger, at 390 px', () => {
  test.use({ hasTouch: true, viewport: { width: 390, height: 844 } });

  test('an idea is typed with a mistake, corrected, dragged with a finger and undone', async ({ page }) => {
    const lab = await visit(page);
    await unfold(lab, 'KV sharing');
    await lab.layerTypes.fill('0_6_6_6_9_6_6_7');
    await expect(lab.layerTypes).toHaveAccessibleDescription('Layer 4: there is no layer 9');
    await expect(lab.kv).toContainText('correct the layer types');
    const layer = (number: number) => page.getByRole('option', { name: new RegExp(`^Layer ${number}\\b`) });
    await layer(4).tap();
    await page.getByRole('combobox', { name: 'Reads layer' }).selectOption('4');
    await expect(lab.layerTypes).toHaveValue('0_6_6_6_4_6_6_7');
    await expect(lab.kv).toContainText('50 % of plain LLaMA');

    await layer(3).evaluate((row) => row.scrollIntoView({ block: 'center' }));
    const at = async (number: number) => {
      const disc = await layer(number).locator('.disc').boundingBox();
      return { x: (disc?.x ?? 0) + 13, y: (disc?.y ?? 0) + 13 };
    };
    await dragByFinger(page, [await at(3), await at(2), await at(0)]);
    await expect(lab.layerTypes).toHaveValue('0_6_6_0_4_6_6_7');
    for (const before of ['0_6_6_6_4_6_6_7', '0_6_6_6_9_6_6_7', '0_6_6_6_6_6_6_7']) {
      await page.getByRole('button', { name: 'Undo', exact: true }).tap();
      await expect(lab.layerTypes).toHaveValue(before);
    }
    await lab.generate.tap();
    await expect(lab.output).not.toBeEmpty();
    await expect(lab.output).toBeInViewport();
  });
});

test('at 200 % zoom, Generate shows its text', async ({ page }) => {
  const lab = await visit(page);
  // As in a long run: a busy machine may look only after seconds. A narrow page folds the settings.
  await lab.number('Max new tokens').fill('9000');
  await page.setViewportSize({ width: 720, height: 450 });
  await lab.generate.click();
  await expect(lab.output).not.toBeEmpty();
  await expect(lab.output).toBeInViewport();
  await expect(lab.stop).toBeInViewport();
  await lab.stop.click();
  await finished(lab);
});
