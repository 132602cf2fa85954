import { expect, it } from 'vitest';
import { siteOfFile } from '../../support/site-of-file.ts';
import { openSite } from './lab.ts';

const site = siteOfFile(openSite);

it('A plan is healed in a few steps, and a longer healing is stopped', async () => {
  const lab = await site().visit();
  await lab.fill('textbox', 'Layer types', '0_3_3_3_3_3_3_7');
  const heal = await lab.find('region', 'Heal');
  await (await heal.$('summary'))?.click();
  await lab.says(/Memory: [\d.]+ MiB \(weights/);
  await lab.fill('spinbutton', 'Steps', '2');
  await lab.press('Heal');
  await lab.until('status', 'Healing', /^Healed: 2 steps\.$/);
  const said = await lab.text('region', 'Heal');
  const [, before, after] = /(\d\.\d{3}) bits per byte before, (\d\.\d{3}) after step 2/.exec(said) ?? [];
  expect(Number(before)).toBeGreaterThan(1.4);
  expect(Number(after)).toBeGreaterThan(1.4);
  expect(after).not.toBe(before);
  expect(said).toMatch(/What it writes before.+What it writes after step 2/s);

  await lab.fill('spinbutton', 'Steps', '100');
  await lab.press('Heal');
  await lab.until('status', 'Healing', /step [1-9]\d* of 100/);
  // The page has another, which stops a run.
  await (await heal.$('::-p-aria([name="Stop"][role="button"])'))?.click();
  await lab.until('status', 'Healing', /^Stopped after step \d+ of 100\.$/);
});
