// The states of the page that are worth a picture. Each scene acts on a page that has loaded its model, and names what
// to take pictures of.

/**
 * @typedef {import('playwright').Page} Page
 * @typedef {import('playwright').Locator | 'window' | 'page'} Part what is in sight, the whole page, or an element
 * @typedef {(page: Page) => Promise<Readonly<Record<string, Part>>>} Scene
 */

/** @param {Page} page @param {string} name */
const region = (page, name) => page.getByRole('region', { name, exact: true });
/** @param {Page} page @param {string} name */
const group = (page, name) => page.getByRole('group', { name, exact: true });
/** @param {Page} page @param {string} name */
const press = (page, name) => page.getByRole('button', { name, exact: true }).click();
/** @param {Page} page @param {string} name */
const open = (page, name) => region(page, name).locator('summary').first().click();
/** @param {Page} page @param {string} name */
const turnTo = (page, name) => page.getByRole('tab', { name, exact: true }).click();
/** @param {Page} page @param {string} name @param {string} value */
const fill = (page, name, value) => page.getByRole('spinbutton', { name, exact: true }).fill(value);
/** @param {Page} page @param {string} name @param {string} value */
const select = (page, name, value) => page.getByRole('combobox', { name, exact: true }).selectOption(value);

/** Computes on the processor, once the model is there. @param {Page} page */
async function computeOnCpu(page) {
  await select(page, 'Backend', 'cpu');
  await page.getByText('Ready.', { exact: true }).waitFor();
}

/**
 * Two plans of two models, measured for quality and speed in a few seconds.
 *
 * @type {Readonly<Record<string, unknown>>}
 */
const experiment = {
  experiment: 1,
  name: 'Two plans of two models',
  about: 'Quality, memory and speed of a plan that shares and of one that does not.',
  seed: 1,
  base: { backend: 'cpu', mode: 'sequential' },
  vary: [
    {
      variants: [
        { model: 'fairy-llama' },
        { model: 'fairy-lckv' },
        { model: 'fairy-llama', layers: '0_0_2_2_4_4_6_6' },
        { model: 'fairy-lckv', policy: { id: 'h2o', heavy: 16, recent: 16 } },
      ],
    },
  ],
  measure: [
    {
      ...{ id: 'tales', kind: 'rolling', column: 'text', maxLength: 512, begin: 'once', promptTokens: 64 },
      text: {
        sha256: 'aa728a19906a5c59adb18d3c45ae2f9730e6df019d1ed875844b5cd24b50662c',
        name: 'fairy_rolling.jsonl',
      },
      limit: 6,
    },
    {
      ...{ id: 'order', kind: 'choices', context: 'ctx', choices: 'endings', gold: 'label', limit: 20 },
      items: {
        sha256: '490338a84469345601906ccf6d5e2abc185305d7b355970bb819df339da251e2',
        name: 'fairy_order.jsonl',
      },
    },
    { id: 'speed', kind: 'speed', prompt: [5], generate: [32], batch: [1], budgetBytes: 2 ** 24, rounds: 3 },
  ],
};

/** Opens the experiment in the laboratory, and waits until everything is known. @param {Page} page */
async function measureExperiment(page) {
  await turnTo(page, 'Laboratory');
  const panel = region(page, 'Laboratory');
  await panel.locator('input[type=file][accept=".json,.jsonl"]').setInputFiles({
    ...{ name: 'experiment.json', mimeType: 'application/json' },
    buffer: Buffer.from(JSON.stringify(experiment)),
  });
  await press(page, 'Start experiment');
  await panel.getByText(/^Done: /).waitFor();
  return panel;
}

/** @param {Page} page */
async function generate(page) {
  await press(page, 'Generate');
  await page.getByText(/^(Done|Stopped)\b/).waitFor();
}

/** @type {Readonly<Record<string, Scene>>} */
export const scenes = {
  /** As a visitor finds the page. */
  first: async (page) => {
    await Promise.resolve();
    return {
      window: 'window',
      page: 'page',
      model: group(page, 'Model'),
      picture: region(page, 'Plan and cache'),
      sharing: group(page, 'KV sharing'),
      cache: group(page, 'What the cache keeps'),
      sampling: group(page, 'Sampling'),
      precision: group(page, 'Backend and precision'),
      hub: group(page, 'Models from the Hub'),
      export: group(page, 'Export'),
    };
  },
  /** Three runs, watched in every panel. */
  watched: async (page) => {
    await computeOnCpu(page);
    await fill(page, 'Max new tokens', '60');
    for (const panel of ['Charts', 'Tokens']) await open(page, panel);
    // It appears once its panel is loaded.
    await page.getByRole('checkbox', { name: 'Measure every token' }).check();
    for (const seed of ['1', '2', '3']) {
      await fill(page, 'Seed', seed);
      await generate(page);
    }
    await press(page, 'Cite this run');
    return {
      window: 'window',
      page: 'page',
      figures: region(page, 'Figures'),
      charts: region(page, 'Charts'),
      tokens: region(page, 'Tokens'),
      picture: region(page, 'Plan and cache'),
      runs: region(page, 'Runs'),
    };
  },
  /** The family, and three plans compared. */
  compared: async (page) => {
    await computeOnCpu(page);
    await fill(page, 'Max new tokens', '24');
    await turnTo(page, 'Compare');
    await press(page, 'Add current settings');
    for (const plan of ['0_1_2_3_4_5_6_7', '0s_1s_2s_3s_4_4_4_4']) {
      await page.getByRole('textbox', { name: 'Layer types', exact: true }).fill(plan);
      await press(page, 'Add current settings');
    }
    await press(page, 'Compare');
    await region(page, 'Compare').getByRole('button', { name: 'Export comparison as CSV' }).waitFor();
    return {
      page: 'page',
      window: 'window',
      family: region(page, 'Family'),
      compare: region(page, 'Compare'),
    };
  },
  /** Plain LLaMA beside itself in the other engines. */
  peers: async (page) => {
    await select(page, 'Model', 'fairy-llama');
    await computeOnCpu(page);
    await fill(page, 'Max new tokens', '24');
    await turnTo(page, 'Compare');
    await page.getByRole('checkbox', { name: 'LCKV', exact: true }).uncheck();
    for (const engine of [' in transformers.js', ' in wllama']) {
      await page.getByRole('checkbox', { name: `Plain LLaMA${engine}`, exact: true }).check();
    }
    await press(page, 'Compare');
    await region(page, 'Compare').getByRole('button', { name: 'Export comparison as CSV' }).waitFor();
    return { window: 'window', compare: region(page, 'Compare') };
  },
  /** The plan in large models. */
  scale: async (page) => {
    await open(page, 'Why it matters');
    return { scale: region(page, 'Why it matters') };
  },
  /** Passes of parallel mode, which leave out what no longer moves. */
  convergence: async (page) => {
    await computeOnCpu(page);
    await page.getByRole('checkbox', { name: 'Freeze' }).check();
    await open(page, 'Convergence');
    const panel = region(page, 'Convergence');
    await press(page, 'Measure the passes');
    await panel.getByRole('application').first().waitFor();
    return { convergence: panel };
  },
  /** A policy that evicts, on the GPU, with the time of each kernel. */
  evicting: async (page) => {
    await select(page, 'Cache policy', 'lambda');
    await fill(page, 'Max new tokens', '40');
    await open(page, 'Charts');
    await page.getByRole('checkbox', { name: 'Time the kernels' }).check();
    await generate(page);
    return {
      window: 'window',
      charts: region(page, 'Charts'),
      cache: group(page, 'What the cache keeps'),
      picture: region(page, 'Plan and cache'),
      figures: region(page, 'Figures'),
    };
  },
  /** LESS under numbers that its kernels were not trained for, and what H2O keeps, on the CPU. */
  less: async (page) => {
    await computeOnCpu(page);
    await select(page, 'Cache policy', 'less');
    await fill(page, 'Max new tokens', '40');
    await generate(page);
    return {
      window: 'window',
      cache: group(page, 'What the cache keeps'),
      picture: region(page, 'Plan and cache'),
      figures: region(page, 'Figures'),
    };
  },
  /** The laboratory before anything is measured, with a text and the form for experiments of one's own. */
  laboratory: async (page) => {
    await turnTo(page, 'Laboratory');
    const panel = region(page, 'Laboratory');
    await panel.getByRole('textbox', { name: 'Your text' }).fill('The miller had three sons.\n\nAnd a cat.');
    await panel.locator('summary', { hasText: 'Make your own' }).click();
    return { window: 'window', page: 'page', laboratory: panel };
  },
  /** What an experiment measured: quality against memory, and one row's items. */
  measured: async (page) => {
    const panel = await measureExperiment(page);
    await panel.locator('tbody button').nth(1).click();
    return { window: 'window', page: 'page', laboratory: panel };
  },
  /** The other charts of an experiment. */
  timed: async (page) => {
    const panel = await measureExperiment(page);
    await select(page, 'Chart', 'throughput');
    return { laboratory: panel };
  },
  /** Four continuations of one prompt, of which the third was chosen. */
  beside: async (page) => {
    await computeOnCpu(page);
    await fill(page, 'Max new tokens', '60');
    await fill(page, 'Continuations', '4');
    await generate(page);
    await press(page, 'Choose continuation 3');
    return { window: 'window', page: 'page', beside: region(page, 'Side by side') };
  },
  /** Batches of the shipped family, timed on the CPU. */
  throughput: async (page) => {
    await computeOnCpu(page);
    await turnTo(page, 'Throughput');
    await fill(page, 'Prompt tokens', '16');
    await fill(page, 'New tokens', '16');
    await press(page, 'Time batches');
    const panel = region(page, 'Throughput');
    await panel.getByText(/^Done: /).waitFor({ timeout: 300_000 });
    await panel.getByText('As ratios, beside LCKV’s table 1').click();
    return { window: 'window', page: 'page', throughput: panel };
  },
  /** A plan that was healed for a few steps. */
  healed: async (page) => {
    await computeOnCpu(page);
    await page.getByRole('textbox', { name: 'Layer types', exact: true }).fill('0_3_3_3_3_3_3_7');
    await open(page, 'Heal');
    const panel = region(page, 'Heal');
    await panel.getByRole('button', { name: 'Heal', exact: true }).click();
    await panel.getByText(/step (2\d|[3-9]\d) of 100/).waitFor({ timeout: 300_000 });
    await panel.getByRole('button', { name: 'Stop', exact: true }).click();
    await panel.getByText(/Stopped after step/).waitFor();
    return { window: 'window', page: 'page', heal: panel };
  },
  /** A mistake, a failure and an explanation. */
  mistaken: async (page) => {
    await page.getByRole('textbox', { name: 'Layer types', exact: true }).fill('0_6_6_6_9_6_6_7');
    await fill(page, 'Top-p', '7');
    return {
      window: 'window',
      page: 'page',
      picture: region(page, 'Plan and cache'),
      sampling: group(page, 'Sampling'),
    };
  },
  explained: async (page) => {
    await press(page, 'What is “KV cache”?');
    return { window: 'window' };
  },
  tour: async (page) => {
    await press(page, 'Take the tour, five steps');
    return { window: 'window' };
  },
};
