import { expect, test, type Page } from 'playwright/test';
import { generate, visit } from './lab.ts';

interface WithRefusals {
  refusals?: string[];
}

/** Records what the browser refuses under the policy of the page. The result reads those of this page. */
async function watchRefusals(page: Page): Promise<() => Promise<readonly string[]>> {
  await page.addInitScript(() => {
    const refusals: string[] = [];
    (globalThis as WithRefusals).refusals = refusals;
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sample }) => {
      refusals.push(`${effectiveDirective} ${blockedURI} ${sample}`);
    });
  });
  return () => page.evaluate(() => (globalThis as WithRefusals).refusals ?? ['nobody watched']);
}

test('the page obeys its own policy, from the first paint to a run of another model', async ({ page }) => {
  const refusals = await watchRefusals(page);
  const lab = await visit(page);
  await lab.select('Preset').selectOption('lasagna-top');
  await generate(lab, 4);
  await lab.layerTypes.fill('0_x');
  await lab.layerTypes.fill('0_1_2_3_4_5_6_7');
  await page.getByRole('button', { name: 'Load fairy-llama' }).click();
  await generate(lab, 4);
  await page.getByRole('button', { name: 'Copy link' }).click();
  expect(await refusals()).toEqual([]);

  await page.goto('./#v=1&colour=red');
  await page.reload();
  await expect(page.getByRole('alert')).toBeVisible();
  expect(await refusals()).toEqual([]);
});

test('the policy refuses inline scripts, eval, frames and unencrypted requests', async ({ page }) => {
  const refusals = await watchRefusals(page);
  await visit(page);
  await page.evaluate(() => {
    const attempt = (what: () => unknown) => {
      try {
        what();
      } catch {
        // The policy refused it.
      }
    };
    attempt(() => {
      const button = document.createElement('button');
      button.setAttribute('onclick', 'document.title = "owned"');
      document.body.append(button);
      button.click();
    });
    attempt(() => {
      document.body.insertAdjacentHTML('beforeend', '<img src="x">');
    });
    attempt(() => new Worker('https://elsewhere.example/x.js'));
    attempt(() =>
      document.body.append(Object.assign(document.createElement('iframe'), { src: 'https://x.example' })),
    );
    void fetch('http://elsewhere.example/').catch(() => undefined);
  });
  await expect.poll(async () => (await refusals()).join('\n')).toContain('connect-src');
  const refused = (await refusals()).join('\n');
  for (const sink of ['Element onclick', 'Element insertAdjacentHTML', 'Worker constructor']) {
    expect(refused).toContain(`trusted-types-sink ${sink}`);
  }
  expect(refused).toContain('frame-src');
  await expect(page).toHaveTitle(/kvtab/);
});
