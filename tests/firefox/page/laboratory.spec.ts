import { expect, it } from 'vitest';
import { smallExperiment } from '../../support/small-experiment.ts';
import { siteOfFile } from '../../support/site-of-file.ts';
import { openSite, type Lab } from './lab.ts';

const site = siteOfFile(openSite);

const valueOf = async (lab: Lab, role: string, name: string) =>
  (await lab.find(role, name)).evaluate((field) => (field as HTMLInputElement).value);

it('A link restores the settings and loads nothing, and Generate then runs them', async () => {
  const link = '#v=1&layers=0_0_2_2_4_4_6_6&prompt=The+queen&max=4&temperature=0&seed=9';
  const lab = await site().visit(link, /No model is loaded yet\./);
  expect(await valueOf(lab, 'textbox', 'Layer types')).toBe('0_0_2_2_4_4_6_6');
  expect(await valueOf(lab, 'textbox', 'Prompt')).toBe('The queen');
  expect(await valueOf(lab, 'spinbutton', 'Seed')).toBe('9');
  expect(await lab.text('region', 'Output')).toBe('');
  await lab.press('Generate');
  await lab.says(/Done: 4 tokens/);
  expect(await lab.text('status', 'KV cache')).toMatch(/50 % of plain LLaMA/);
});

it('Invalid parts of a link are listed and ignored', async () => {
  const lab = await site().visit('#v=1&seed=5&colour=red', /“colour” is not known/);
  expect(await valueOf(lab, 'spinbutton', 'Seed')).toBe('5');
});

it('Editing the picture by keyboard changes the text and the address', async () => {
  const lab = await site().visit();
  const list = await lab.find('listbox', 'Layers, the last one first');
  await list.focus();
  await lab.page.keyboard.press('Home');
  await lab.page.keyboard.press('ArrowDown');
  const [before] = [await valueOf(lab, 'textbox', 'Layer types')];
  await lab.page.keyboard.press('o'); // KV of its own
  await lab.page.keyboard.press('s'); // through the window
  const after = await valueOf(lab, 'textbox', 'Layer types');
  expect(after).not.toBe(before);
  expect(after).toMatch(/\ds/);
  await lab.page.waitForFunction((layers) => location.hash.includes(`layers=${layers}`), {}, after);
});

it('Choosing a preset writes its layer_types', async () => {
  const lab = await site().visit();
  await (await lab.find('combobox', 'Preset')).focus();
  await lab.page.keyboard.type('YOCO');
  await lab.until(
    'status',
    'KV cache',
    /18\.8 % of plain LLaMA\s+at\s512\stokens\s·\s62\.5\s%\sper\snew\stoken/,
  );
  expect(await valueOf(lab, 'textbox', 'Layer types')).toBe('0s_1s_2s_3s_4_4_4_4');
});

it('An experiment of a link runs, and its results are there after a reload', async () => {
  const link = `#v=1&backend=cpu&experiment=${encodeURIComponent(JSON.stringify(smallExperiment))}`;
  const lab = await site().visit(link, /Not started: 2 rows, 4 items\./);
  await lab.press('Start experiment');
  await lab.until('status', 'Experiment', /^Done: 4 items\.$/);
  await lab.says(/layers 0_6_6_6_6_6_6_7.*\d ±.*layers 0_1_2_3_4_5_6_7.*\d ±/s);
  const again = await site().visit(link, /Done: 4 items\./);
  await again.says(/\d ±.*layers 0_1_2_3_4_5_6_7.*\d ±/s);
});
