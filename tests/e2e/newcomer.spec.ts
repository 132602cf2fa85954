import { readFileSync } from 'node:fs';
import { expect, test } from 'playwright/test';
import { chooseGreedy, finished, generate, openLab, shareLab, visit } from './lab.ts';

interface Golden {
  readonly prompt: string;
  readonly text_after_parallel: string;
}

const goldens = JSON.parse(
  readFileSync(new URL('../../public/models/fairy-lckv/golden.json', import.meta.url), 'utf8'),
) as readonly Golden[]; // our own file, written with the model

test('a newcomer presses Generate and text streams from LCKV on WebGPU in a worker', async ({ page }) => {
  await page.goto('./');
  const lab = openLab(page);
  await lab.number('Max new tokens').fill('24');
  // Pressed at once, before the model is loaded.
  await lab.generate.click();
  await expect(lab.select('Model')).toHaveValue('fairy-lckv');
  await expect(lab.layerTypes).toHaveValue('0_6_6_6_6_6_6_7');

  await expect(lab.output).not.toBeEmpty({ timeout: 90_000 });
  // The engine, its worker for tokenizers and templates, and the worker for the Hub.
  expect(page.workers()).toHaveLength(3);
  await finished(lab);
  await expect(lab.adapter).toContainText('WebGPU');
  await expect(lab.adapter).toContainText('software adapter');
  await expect(lab.kv).toContainText('37.5 % of plain LLaMA');
  await expect(lab.kv).toContainText('768 B per token');
  await expect(lab.kv).toContainText(/\d KiB in use by the last run/);
  await expect(lab.decodeSpeed).toContainText(/\d tokens\/s/);
  await expect(lab.prefillSpeed).toContainText(/\d tokens\/s/);

  // The CPU backend is faster than a software adapter. It is offered, and chosen only by a person.
  await expect(lab.select('Backend')).toHaveValue('webgpu');
  await page.getByRole('button', { name: 'Use the CPU backend', exact: true }).click();
  await expect(lab.select('Backend')).toHaveValue('cpu');
  await expect(lab.adapter).toContainText('WebAssembly');
});

test.describe('on one page', () => {
  const elsewhere: string[] = [];
  const theLab = shareLab(async (page) => {
    const { baseURL } = test.info().project.use;
    await page.context().route('**/*', (route) => {
      const url = route.request().url();
      if (baseURL !== undefined && url.startsWith(baseURL)) return route.continue();
      elsewhere.push(url);
      return route.abort();
    });
    return visit(page);
  });

  test('text arrives in pieces, not at the end', async () => {
    const lab = theLab();
    await lab.number('Max new tokens').fill('40');
    const lengths = new Set<number>();
    await lab.generate.click();
    while (!(await lab.page.getByText(/^Done/).isVisible())) {
      lengths.add((await lab.output.textContent())?.length ?? 0);
    }
    expect(lengths.size).toBeGreaterThan(3);
  });

  test('the same seed gives the same text, and another seed gives another', async () => {
    const lab = theLab();
    const first = await generate(lab, 16);
    expect(await generate(lab, 16)).toBe(first);
    await lab.number('Seed').fill('2');
    expect(await generate(lab, 16)).not.toBe(first);
  });

  test('greedy text equals the text published with the model', async () => {
    const golden = goldens[0];
    if (!golden) throw new Error('golden.json is empty');
    const lab = theLab();
    await chooseGreedy(lab);
    await lab.select('Mode').selectOption('Parallel');
    await lab.prompt.fill(golden.prompt);
    const text = await generate(lab, 16);
    expect(text.length).toBeGreaterThan(20);
    expect(golden.text_after_parallel.slice(0, text.length)).toBe(text);
  });

  test('another model brings its own plan and writes under it', async () => {
    const lab = theLab();
    await lab.select('Model').selectOption('fairy-llama');
    await expect(lab.layerTypes).toHaveValue('0_1_2_3_4_5_6_7');
    await expect(lab.kv).toContainText('100 % of plain LLaMA');
    expect(await generate(lab, 4)).not.toBe('');
    await expect(lab.kv).toContainText('2 KiB per token');
  });
  test('requests go only to the origin of the page', () => {
    expect(elsewhere).toEqual([]);
  });
});
