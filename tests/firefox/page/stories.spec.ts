import { expect, it } from 'vitest';
import { lookAsPrinted, whatIsSeen } from '../../support/as-printed.ts';
import { expectChart } from '../../support/expect-chart.ts';
import { expectPrinted } from '../../support/expect-printed.ts';
import { pdfPages } from '../../support/pdf-pages.ts';
import { keepSavedFiles, paintedPixels, savedBase64 } from '../../support/saved-files.ts';
import { siteOfFile } from '../../support/site-of-file.ts';
import { openSite } from './lab.ts';

const site = siteOfFile(openSite);

it('A visitor opens the page, presses Generate, and text streams from WebGPU in the worker', async () => {
  const lab = await site().visit();
  expect(await lab.text('status', 'Adapter')).toMatch(/WebGPU/);
  expect(await lab.text('status', 'Adapter')).toMatch(/software adapter/);
  await lab.fill('spinbutton', 'Max new tokens', '100');
  // Observed inside the page: a query from here takes longer than many tokens.
  const output = await lab.find('region', 'Output');
  await output.evaluate((region) => {
    new MutationObserver(() => {
      region.setAttribute('data-pieces', String(Number(region.getAttribute('data-pieces')) + 1));
    }).observe(region, { childList: true, subtree: true, characterData: true });
  });
  await lab.press('Generate');
  await lab.says(/Done: 100 tokens/);
  const pieces = await output.evaluate((region) => Number(region.getAttribute('data-pieces')));
  expect(pieces).toBeGreaterThan(3);
  expect(await lab.text('status', 'KV cache')).toMatch(/37\.5 % of plain LLaMA/);
  expect(await lab.text('status', 'Decode speed')).toMatch(/\d tokens\/s/);
});

it('Another layer_types shrinks or grows the KV cache, and the next runs use it, also of two texts side by side', async () => {
  const lab = await site().visit();
  await lab.fill('textbox', 'Layer types', '0_1_2_3_4_5_6_7');
  await lab.until('status', 'KV cache', /100 % of plain LLaMA/);
  await lab.fill('spinbutton', 'Max new tokens', '4');
  await lab.press('Generate');
  await lab.says(/Done/);
  expect(await lab.text('status', 'KV cache')).toMatch(/2 KiB per token/);
  expect(await lab.text('region', 'Output')).not.toBe('');

  await lab.fill('spinbutton', 'Continuations', '2');
  await lab.press('Generate');
  await lab.until('status', 'KV cache', /by the last run, 2 texts/);
  const first = await lab.text('region', 'Output');
  await lab.press('Choose continuation 2');
  await lab.find('button', 'Continuation 2 is in Output');
  expect(await lab.text('region', 'Output')).not.toBe(first);
});

it('8-bit inputs are refused on WebGPU with what to do, and then computed on the CPU', async () => {
  const lab = await site().visit();
  await (await lab.find('combobox', 'Weights')).select('w4a8');
  await lab.says(/inputs of 8 bits are computed on the CPU alone: choose the backend CPU/);
  await (await lab.find('combobox', 'Backend')).select('cpu');
  await lab.says(/Ready\./);
  await lab.fill('spinbutton', 'Max new tokens', '8');
  await lab.press('Generate');
  await lab.says(/Done: 8 tokens/);
  expect(await lab.text('region', 'Output')).toMatch(/\w/);
});

it('Throughput times batches on WebGPU, and says how many texts fit into a budget', async () => {
  const lab = await site().visit();
  await (await lab.find('tab', 'Throughput')).click();
  for (const plan of ['CLA', 'YOCO', 'MixAttention, pairs', 'Sandwich, middle', 'LCKV, warm-up layers 4']) {
    await (await lab.find('checkbox', plan)).click();
  }
  await lab.fill('spinbutton', 'New tokens', '2');
  await lab.fill('spinbutton', 'Memory budget, MiB', '8');
  for (const [name, option] of [
    ['Rounds', '1'],
    ['Time at most', '8'],
  ] as const) {
    await (await lab.find('combobox', name)).select(option);
  }
  await lab.press('Time batches');
  await lab.until('status', 'Timing', /^Done: 8 timings\.$/);
  const said = await lab.text('region', 'Throughput');
  expect(said).toMatch(/LCKV.*One more text would pass the budget by.*8 texts at once.*tokens\/s/s);
  expect(said).toMatch(/WebGPU/);
});

it('A mistake in layer_types says where it is', async () => {
  const lab = await site().visit();
  await lab.fill('textbox', 'Layer types', '0_6_6_6_9_6_6_7');
  await lab.says(/Layer 4: there is no layer 9/);
  const field = await lab.find('textbox', 'Layer types');
  expect(await field.evaluate((element) => element.getAttribute('aria-invalid'))).toBe('true');
});

it('Stop ends a run and keeps its text, and the next run starts over', async () => {
  const lab = await site().visit();
  await lab.fill('spinbutton', 'Max new tokens', '9000');
  // Found in advance: during a run, Firefox may not finish a search for an element by its role.
  const output = await lab.find('region', 'Output');
  const stop = await lab.find('button', 'Stop');
  await lab.press('Generate');
  while (!/\S/.test(await output.evaluate((region) => region.textContent))) {
    await new Promise((go) => setTimeout(go, 50));
  }
  await stop.click();
  await lab.says(/Stopped after [\d,]+ tokens?\./);
  const text = await lab.text('region', 'Output');
  await new Promise((go) => setTimeout(go, 500));
  expect(await lab.text('region', 'Output')).toBe(text);

  await lab.fill('spinbutton', 'Max new tokens', '3');
  await lab.press('Generate');
  await lab.says(/Done/);
});

it('LESS evicts on WebGPU, and the page shows which tokens are left and what the state weighs', async () => {
  const less = 'policy=less&sparse=h2o&kernels=less-h2o-12.safetensors&heavy=6&recent=6';
  const lab = await site().visit(`#v=1&${less}&temperature=0&max=8`, /No model is loaded/);
  await lab.press('Generate');
  await lab.says(/Done: 8 tokens/);
  await lab.says(/in use by the last run: rows [\d.]+ KiB \+ state 6\.19 KiB/);
  await lab.says(/\d+ of \d+ tokens are still held by some store/);
});

it('A run’s chart is saved as SVG and PNG, and paper tells the run', async () => {
  const link = '#v=1&backend=cpu&temperature=0&max=12&prompt=The+queen';
  const lab = await site().visit(link, /No model is loaded/);
  await lab.press('Generate');
  await lab.says(/Done: 12 tokens/);
  const text = await lab.text('region', 'Output');
  await (await (await lab.find('region', 'Charts')).$('summary'))?.click();
  await lab.until('region', 'Charts', /plain LLaMA/);
  await lab.page.evaluate(keepSavedFiles);
  const bytes: Buffer[] = [];
  for (const format of ['SVG', 'PNG']) {
    await lab.press(`Save “KV bytes in use” as ${format}`);
    bytes.push(Buffer.from(await lab.page.evaluate(savedBase64, bytes.length), 'base64'));
  }
  const [svg = Buffer.of(), png = Buffer.of()] = bytes;
  expectChart(svg.toString(), png, await lab.page.evaluate(paintedPixels, 1, '#14665a'));

  const sheets = pdfPages(Buffer.from(await lab.page.pdf({ format: 'A4' })));
  expect(sheets).toBeGreaterThanOrEqual(1);
  expect(sheets).toBeLessThanOrEqual(3);
  // As wide as A4.
  await lab.page.setViewport({ width: 794, height: 1123 });
  expect(await lab.page.evaluate(lookAsPrinted)).toBeGreaterThanOrEqual(3);
  expectPrinted(await lab.page.evaluate(whatIsSeen), { prompt: 'The queen', text });
});

it('A written token shows what it reads, and a term explains itself', async () => {
  const lab = await site().visit('#v=1&temperature=0&max=4', /No model is loaded/);
  await lab.press('Generate');
  await lab.says(/Done: 4 tokens/);
  await (await (await lab.find('region', 'Attention')).$('summary'))?.click();
  await lab.press('Show what the last token reads');
  await lab.until('region', 'Attention', /The run wrote it\..*position \d+ \(.*\): [\d.]+ %/s);
  await lab.press('What is “Top-p”?');
  await lab.says(/How many words make sense depends on the place\..*Σ p ≥ 0\.95/s);
});
