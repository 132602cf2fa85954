import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { chatTemplate } from '../support/chat-template.ts';
import { lookAsPrinted, whatIsSeen } from '../support/as-printed.ts';
import { expectChart } from '../support/expect-chart.ts';
import { expectPrinted } from '../support/expect-printed.ts';
import { keepSavedFiles, paintedPixels, savedBase64 } from '../support/saved-files.ts';
import { peerExperimentLink } from '../support/peer-experiment.ts';
import { smallExperiment } from '../support/small-experiment.ts';
import type { ShippedGolden } from '../support/golden.ts';
import { unzip } from '../support/unzip.ts';
import { exportInNode, healedInNode, textInNode } from './in-node.ts';
import { siteOfFile } from '../support/site-of-file.ts';
import { openSite, type Lab } from './lab.ts';

const site = siteOfFile(openSite);
let lab: Lab;
afterEach(async () => {
  expect(await lab.complaints()).toEqual([]);
});

const shipped = fileURLToPath(new URL('../../public/models/fairy-lckv', import.meta.url));
const golden = JSON.parse(readFileSync(join(shipped, 'golden.json'), 'utf8')) as readonly ShippedGolden[];

it('The first Generate writes the golden text on the CPU, and the page says that there is no WebGPU', async () => {
  lab = await site().visit();
  await lab.says(/This browser offers no WebGPU here .*runs on the CPU instead/s);
  expect(await lab.valueOf('combobox', 'Backend')).toBe('cpu');
  expect(await lab.text('status', 'Adapter')).toMatch(/CPU.*WebAssembly with SIMD/s);
  await lab.chooseGreedy();
  const [first] = golden;
  await lab.fill('textbox', 'Prompt', first?.prompt ?? '');
  expect(await lab.generate(64)).toBe(first?.text_after_parallel);
});

it('Under another layer_types, WebKit writes the same as Node, and reports where a mistake is', async () => {
  lab = await site().visit();
  await lab.chooseGreedy();
  await lab.fill('textbox', 'Layer types', '0_1_2_3_4_5_6_7');
  await lab.until('status', 'KV cache', /100 % of plain LLaMA/);
  const [first] = golden;
  await lab.fill('textbox', 'Prompt', first?.prompt ?? '');
  const written = await lab.generate(24);
  const expected = await textInNode(shipped, first?.prompt ?? '', '0_1_2_3_4_5_6_7', 24);
  expect(expected).not.toBe(first?.text_after_parallel.slice(0, expected.length));
  expect(written).toBe(expected);
  expect(await lab.text('status', 'KV cache')).toMatch(/2 KiB per token/);
  await lab.fill('textbox', 'Layer types', '0_6_6_6_9_6_6_7');
  await lab.says(/Layer 4: there is no layer 9/);
});

it('With 4-bit weights and 8-bit inputs, WebKit writes the same as Node', async () => {
  lab = await site().visit();
  await lab.chooseGreedy();
  await lab.select('Weights', 'w4a8');
  await lab.says(/Ready\./);
  // Under most prompts 24 tokens are the same with inputs of 16 bits.
  const prompt = 'When the moon rose';
  await lab.fill('textbox', 'Prompt', prompt);
  const written = await lab.generate(24);
  const inNode = (weights: 'w4a8' | 'q4') => textInNode(shipped, prompt, '0_6_6_6_6_6_6_7', 24, weights);
  expect(written).toBe(await inNode('w4a8'));
  expect(written).not.toBe(await inNode('q4'));
});

it('An edited plan is exported as the same bytes as in Node, and the file is saved', async () => {
  lab = await site().visit();
  const plan = '0_5_5_5_5_5_6_7';
  await lab.fill('textbox', 'Layer types', plan);
  await lab.driver.run(keepSavedFiles);
  await lab.press('Export model');
  await lab.says(/Exported .* to fairy-lckv-export\.zip/);
  const bytes = Buffer.from(await lab.driver.run(savedBase64, 0), 'base64');
  const expected = await exportInNode(shipped, 'fairy-lckv', plan);
  const files = unzip(bytes);
  expect([...files.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [path, content] of expected) {
    expect(content.equals(files.get(path) ?? Buffer.of()), path).toBe(true);
  }
  await expect.poll(() => site().downloaded('fairy-lckv-export.zip')).toEqual(bytes.length);
});

/** Two steps and what is read around them: 7 s in Node with a core of its own, and a tenth of a core makes it a minute. */
const healingMs = 110_000;

it('A plan is healed to the bits per byte that Node reaches, and a longer healing is stopped', async () => {
  const plan = '0_3_3_3_3_3_3_7';
  lab = await site().visit();
  await lab.fill('textbox', 'Layer types', plan);
  await lab.open('Heal');
  await lab.fill('spinbutton', 'Steps', '2');
  await lab.press('Heal');
  await lab.until('status', 'Healing', /^Healed: 2 steps\.$/, healingMs);
  const said = await lab.text('region', 'Heal');
  const [, before, after] = /(\d\.\d{3}) bits per byte before, (\d\.\d{3}) after step 2/.exec(said) ?? [];
  const expected = await healedInNode(shipped, plan, 2);
  // WebKit and Node may add in another order where one has relaxed SIMD.
  expect(Number(before)).toBeCloseTo(expected[0]?.bitsPerByte ?? NaN, 2);
  expect(Number(after)).toBeCloseTo(expected.at(-1)?.bitsPerByte ?? NaN, 2);
  expect(said).toMatch(/What it writes before.+What it writes after step 2/s);
  await lab.fill('spinbutton', 'Steps', '100');
  await lab.press('Heal');
  await lab.until('status', 'Healing', /step [1-9]\d* of 100/, healingMs);
  // The page has another Stop, for runs.
  await lab.driver.run(
    (heal) => {
      for (const button of heal.querySelectorAll('button')) if (button.textContent === 'Stop') button.click();
    },
    await lab.find('region', 'Heal'),
  );
  await lab.until('status', 'Healing', /^Stopped after step \d+ of 100\.$/);
}, 360_000);

it('Two continuations are written side by side, and the chosen one becomes the text', async () => {
  lab = await site().visit();
  await lab.fill('spinbutton', 'Continuations', '2');
  const first = await lab.generate(12);
  await lab.press('Choose continuation 2');
  await lab.find('button', 'Continuation 2 is in Output');
  expect(await lab.text('region', 'Output')).not.toBe(first);
  expect(await lab.valueOf('spinbutton', 'Seed')).toBe('2');
});

it('Throughput times batches on the CPU, and says how many texts fit into a budget', async () => {
  lab = await site().visit();
  await lab.driver.click(await lab.find('tab', 'Throughput'));
  for (const plan of ['CLA', 'YOCO', 'MixAttention, pairs', 'Sandwich, middle', 'LCKV, warm-up layers 4']) {
    await lab.driver.click(await lab.find('checkbox', plan));
  }
  await lab.fill('spinbutton', 'New tokens', '2');
  await lab.fill('spinbutton', 'Memory budget, MiB', '8');
  await lab.select('Rounds', '1');
  await lab.select('Time at most', '8');
  await lab.press('Time batches');
  await lab.until('status', 'Timing', /^Done: \d+ timings\.$/);
  const said = await lab.text('region', 'Throughput');
  expect(said).toMatch(/LCKV.*One more text would pass the budget by.*texts at once.*tokens\/s/s);
});

it('transformers.js writes the tokens of kvtab in WebAssembly', async () => {
  const both = '1.model=fairy-llama&2.model=fairy-llama&2.engine=transformers.js';
  const cpu = 'backend=cpu&1.backend=cpu&2.backend=cpu';
  lab = await site().visit(
    `#v=1&tab=compare&model=fairy-llama&layers=0_1_2_3_4_5_6_7&max=8&${cpu}&${both}`,
    /Copy link to this comparison/,
  );
  await lab.press('Compare');
  await lab.says(/Its 8 greedy tokens after the same \d+ tokens are those of kvtab\./);
});

it('wllama, which needs memory of 64 bits, writes the tokens of kvtab or is said to be impossible here', async () => {
  const both = '1.model=fairy-llama&2.model=fairy-llama&2.engine=wllama';
  const cpu = 'backend=cpu&1.backend=cpu&2.backend=cpu';
  lab = await site().visit(
    `#v=1&tab=compare&model=fairy-llama&layers=0_1_2_3_4_5_6_7&max=8&${cpu}&${both}`,
    /Copy link to this comparison/,
  );
  await lab.press('Compare');
  await lab.says(
    /Its 8 greedy tokens after the same \d+ tokens are those of kvtab\.|wllama did not run: this browser lacks WebAssembly with memory of 64 bits/,
  );
});

it('A chat continues from the KV of its earlier turns', async () => {
  lab = await site().visit();
  const folder = join(site().home, 'chat-model');
  cpSync(shipped, folder, { recursive: true });
  writeFileSync(join(folder, 'chat_template.jinja'), chatTemplate);
  await lab.openFiles(
    'Open files',
    readdirSync(folder).map((name) => join(folder, name)),
  );
  await lab.says(/Ready\./);
  await lab.choose('Chat');
  await lab.chooseGreedy();
  await lab.fill('spinbutton', 'Max new tokens', '8');
  for (const [turn, message] of ['Who lives there?', 'And then?'].entries()) {
    await lab.fill('textbox', 'Message', message);
    await lab.press('Send');
    await lab.until('log', 'Conversation', new RegExp(`^(You.+Model.+){${turn + 1}}`, 's'));
  }
  await lab.says(/Read \d+ new tokens; the KV of \d+ earlier tokens was kept/);
});

it('LESS evicts, and the page shows which tokens are left and what the state weighs', async () => {
  const less = 'policy=less&sparse=h2o&kernels=less-h2o-12.safetensors&heavy=6&recent=6';
  lab = await site().visit(`#v=1&${less}&temperature=0`, /No model is loaded/);
  await lab.generate(16);
  await lab.says(/in use by the last run: rows [\d.]+ KiB \+ state 6\.19 KiB/);
  await lab.says(/\d+ of \d+ tokens are still held by some store/);
  expect(await lab.valueOf('combobox', 'Cache policy')).toBe('less');
});

it('An experiment of a link runs, and its results are there after a reload', async () => {
  const link = `#v=1&experiment=${encodeURIComponent(JSON.stringify(smallExperiment))}`;
  lab = await site().visit(link, /Not started: 2 rows, 4 items\./);
  await lab.press('Start experiment');
  await lab.until('status', 'Experiment', /^Done: 4 items\.$/);
  const rows = /layers 0_6_6_6_6_6_6_7.*\d ±.*layers 0_1_2_3_4_5_6_7.*\d ±/s;
  const first = rows.exec(await lab.says(rows))?.[0];
  lab = await site().visit(link, /Done: 4 items\./);
  expect(rows.exec(await lab.says(rows))?.[0]).toBe(first);
});

it('An experiment times transformers.js beside kvtab, and says which plan it cannot run', async () => {
  lab = await site().visit(peerExperimentLink(), /Not started: 4 rows, 8 items\./);
  await lab.press('Start experiment');
  await lab.until('status', 'Experiment', /^Done: 8 items\.$/);
  await lab.says(
    /Row 2, .*engine transformers\.js: transformers\.js 4\..*WebAssembly, 1 thread.*Row 4, .*Impossible in transformers\.js: layer 1/s,
  );
});

it('A run’s chart is saved as SVG and PNG, and paper tells the run', async () => {
  lab = await site().visit('#v=1&temperature=0&prompt=The+queen', /No model is loaded/);
  const text = await lab.generate(12);
  await lab.open('Charts');
  await lab.until('region', 'Charts', /plain LLaMA/);
  await lab.driver.run(keepSavedFiles);
  const bytes: Buffer[] = [];
  for (const format of ['SVG', 'PNG']) {
    await lab.press(`Save “KV bytes in use” as ${format}`);
    bytes.push(Buffer.from(await lab.driver.run(savedBase64, bytes.length), 'base64'));
  }
  const [svg = Buffer.of(), png = Buffer.of()] = bytes;
  expectChart(svg.toString(), png, await lab.driver.run(paintedPixels, 1, '#14665a'));
  const file = 'kvtab-KV-bytes-in-use-fairy-lckv-0_6_6_6_6_6_6_7.png';
  await expect.poll(() => site().downloaded(file)).toEqual(png.length);

  // As wide as A4.
  await lab.driver.resize(794, 1123);
  expect(await lab.driver.run(lookAsPrinted)).toBeGreaterThanOrEqual(3);
  expectPrinted(await lab.driver.run(whatIsSeen), { prompt: 'The queen', text });
  await lab.driver.resize(1280, 1000);
});

it('A written token shows what it reads, and a term explains itself', async () => {
  lab = await site().visit('#v=1&temperature=0&max=4', /No model is loaded/);
  await lab.press('Generate');
  await lab.says(/Done: 4 tokens/);
  await lab.open('Attention');
  await lab.press('Show what the last token reads');
  await lab.until('region', 'Attention', /The run wrote it\..*position \d+ \(.*\): [\d.]+ %/s);
  await lab.press('What is “Top-p”?');
  await lab.says(/How many words make sense depends on the place\..*Σ p ≥ 0\.95/s);
});
