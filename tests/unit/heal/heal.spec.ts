import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { defaultRecipe } from '../../../gpu/train/recipe.ts';
import { healedFiles } from '../../../worker/heal/healed-files.ts';
import { Healing, type HealingRun, type HealingState } from '../../../worker/heal/healing.ts';
import { openHealing, type OpenedHealing } from '../../../worker/heal/open-healing.ts';
import type { ModelSource } from '../../../worker/loader/model-source.ts';
import { openProcessorBackend } from '../../../gpu/wasm/backend.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import { Refused, succeed, valueOf } from '../../../worker/outcome.ts';
import type { HealEvent, HealRequest } from '../../../worker/protocol/heal.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import { ask } from '../worker/engines.ts';
import { goldenSource, memorySource, shippedSource } from '../worker/sources.ts';

const sample = (file: string) =>
  readFileSync(new URL(`../../../public/healing/${file}`, import.meta.url), 'utf8').slice(0, 12_000);

/** Three short steps on the sample that ships. */
const request: HealRequest = {
  model: 'fairy-llama',
  config: { layerTypes: '0_3_3_3_3_3_3_7', forwardPasses: 2, backwardPasses: 1 },
  recipe: { ...defaultRecipe('projections', 3), sequencesPerStep: 2, tokensPerSequence: 32, seed: 7 },
  text: { name: 'sample', train: sample('train.txt'), heldOut: sample('held-out.txt') },
  evaluateEverySteps: 2,
  heldOutWindows: 3,
};

const open = (changed: Partial<HealRequest> = {}, source: ModelSource = shippedSource('fairy-llama')) =>
  openHealing({ ...request, ...changed }, source, placeHere);

function runOf(changed: Partial<HealingRun> = {}) {
  const events: HealEvent[] = [];
  const states: HealingState[] = [];
  const run: HealingRun = {
    emit: (event) => events.push(event),
    breathe: () => Promise.resolve(),
    stopped: () => false,
    keep: (state) => {
      states.push(state());
      return Promise.resolve();
    },
    now: () => performance.now(),
    ...changed,
  };
  return { run, events, states };
}

/** What the decoder writes under the plan, each token after a prompt that is read in parallel. */
async function likeliest(prompt: readonly number[], newTokens: number): Promise<readonly number[]> {
  const engine = new Engine({
    openBackend: () => Promise.resolve(openProcessorBackend()),
    openTextPlace: placeHere,
    openSource: () => succeed(shippedSource('fairy-llama')),
  });
  const load = { model: 'any', backend: 'cpu', weights: 'stored', quantizeEmbeddings: false } as const;
  valueOf(await engine.load(load, () => undefined));
  const written: number[] = [];
  while (written.length < newTokens) {
    const turns = [[...prompt, ...written]];
    const asked = ask({
      ...{ input: { turns }, config: request.config, mode: 'parallel', kvPrecision: 'f32' },
      maxNewTokens: 1,
    });
    const { tokens } = valueOf(await engine.generate(asked, () => undefined));
    written.push(...tokens);
  }
  return written;
}

async function refusalOf(work: Promise<unknown>) {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof Refused) return error.failure;
  throw new Error('it was not refused', { cause: error });
}

describe('a healing', () => {
  let whole: OpenedHealing;
  const { run, events, states } = runOf();

  beforeAll(async () => {
    whole = await open();
    await new Healing(whole, run).run();
  });

  it('says before what it takes', () => {
    const { facts } = whole;
    expect(facts.trainedWeights).toBe(3 * 2 * 64 * 192);
    expect(facts.allWeights).toBe(3_419_328);
    expect(facts.heldOutTokens).toBe(3 * 31);
    expect(facts.memory.gradients).toBe(4 * facts.trainedWeights);
    expect(facts.memory.optimizer).toBe(8 * facts.trainedWeights);
    expect(facts.memory.weights).toBeGreaterThanOrEqual(4 * facts.allWeights);
  });

  it('tells every step, and evaluates first, now and then, and last', () => {
    const told = events.map((event) => (event.type === 'opened' ? 'opened' : `${event.type} ${event.step}`));
    expect(told).toEqual([
      ...['evaluated 0', 'sample 0', 'step 1', 'step 2', 'evaluated 2', 'sample 2'],
      ...['step 3', 'evaluated 3', 'sample 3'],
    ]);
  });

  it('writes a sample after the beginning of the held-out text, as the decoder does at first', async () => {
    const samples = events.filter((event) => event.type === 'sample');
    const [first] = samples;
    expect(new Set(samples.map(({ prompt }) => prompt)).size).toBe(1);
    const window = whole.heldOut.windows[0] ?? new Uint32Array();
    const prompt = [...window.subarray(0, 16)];
    expect(first?.prompt).toBe(await whole.text.decode(prompt));
    const written = await likeliest(prompt, 4);
    expect(first?.text.startsWith(await whole.text.decode(written))).toBe(true);
  });

  it('brings the held-out bits per byte down', () => {
    const bits = events.flatMap((event) => (event.type === 'evaluated' ? event.bitsPerByte : []));
    expect(bits[0]).toBeGreaterThan(1.5);
    expect(bits.at(-1)).toBeLessThan(bits[0] ?? NaN);
  });

  it('continues from what it kept, to the same bits', async () => {
    const [, second] = states;
    if (!second) throw new Error('it kept three states');
    const later = runOf();
    const healing = new Healing(await open(), later.run);
    healing.restore(second);
    const result = await healing.run();
    expect(later.events.map(({ type }) => type)).toEqual(['step', 'evaluated', 'sample']);
    expect(later.states.at(-1)).toEqual(states.at(-1));
    expect(result.evaluations.map(({ step }) => step)).toEqual([0, 2, 3]);
  });

  it('stops between two sequences, and drops the half step', async () => {
    let breaths = 0;
    // Three windows of the evaluation, 16 tokens of the sample, one step of two sequences, and half a step.
    const stopping = runOf({
      breathe: () => {
        breaths++;
        return Promise.resolve();
      },
      stopped: () => breaths >= 22,
    });
    const opened = await open();
    const result = await new Healing(opened, stopping.run).run();
    expect(result).toMatchObject({ end: 'stopped', step: 1 });
    expect(opened.trainer.save()).toEqual(
      states[0] && { ...opened.trainer.save(), weights: states[0].weights },
    );
  });

  it('is written as a checkpoint that reads as well as the weights in training', async () => {
    const evaluations = states.at(-1)?.evaluations ?? [];
    const source = shippedSource('fairy-llama');
    const made = { name: 'fairy-llama', engine: 'test' };
    const { files, readBy } = await healedFiles(whole, { step: 3, evaluations }, source, made);
    const contents: Record<string, Uint8Array> = {};
    for (const { name, sizeBytes, chunks } of files) {
      const parts: Uint8Array<ArrayBuffer>[] = [];
      for await (const chunk of chunks) parts.push(new Uint8Array(chunk));
      contents[name] = new Uint8Array(await new Blob(parts).arrayBuffer());
      expect(contents[name].length, name).toBe(sizeBytes);
    }
    expect(readBy).toBe('lckv');
    // No step: the plan is the checkpoint's own now.
    const again = await open({ config: {}, recipe: { ...request.recipe, steps: 0 } }, memorySource(contents));
    expect(again.facts.layerTypes).toBe('0_3_3_3_3_3_3_7');
    const { run: evaluation } = runOf();
    const read = await new Healing(again, evaluation).run();
    expect(read.evaluations[0]?.bitsPerByte).toBeCloseTo(evaluations.at(-1)?.bitsPerByte ?? NaN, 3);

    const history = JSON.parse(new TextDecoder().decode(contents['healing.json'])) as unknown;
    expect(history).toEqual({
      model: 'fairy-llama',
      layer_types: '0_3_3_3_3_3_3_7',
      sliding_window: whole.wanted.sharing.windowTokens,
      text: { name: 'sample', sha256: whole.facts.textDigest, tokens: whole.facts.trainTokens },
      recipe: request.recipe,
      steps_done: 3,
      bits_per_byte: evaluations,
      engine: 'test',
    });
  });

  it('ends at a step that is not finite, with the weights from before it', async () => {
    const opened = await open();
    const broken = opened.trainer.save();
    opened.trainer.restore({ ...broken, weights: broken.weights.map(() => Infinity) });
    const { run: ending } = runOf();
    const result = await new Healing(opened, ending).run();
    expect(result).toMatchObject({ end: 'diverged', step: 0 });
    expect(opened.trainer.save().weights[0]).toBe(Infinity);
  });
});

it('goes back to the last weights that read the held-out text well if the loss is not finite', async () => {
  const opened = await open();
  const read = () => opened.trainer.save().weights;
  const good: Float32Array[] = [];
  const { run, events, states } = runOf({
    keep: () => {
      if (opened.trainer.step !== 2) return Promise.resolve();
      good.push(read());
      const state = opened.trainer.save();
      opened.trainer.restore({ ...state, weights: state.weights.map(() => NaN) });
      return Promise.resolve();
    },
  });
  const result = await new Healing(opened, run).run();
  expect(result).toMatchObject({ end: 'diverged', step: 2 });
  expect(result.evaluations.map(({ step }) => step)).toEqual([0, 2]);
  expect(read()).toEqual(good[0]);
  expect(events.filter(({ type }) => type === 'step')).toHaveLength(2);
  expect(states).toEqual([]);
});

it('reads a text of one long line in parts', { timeout: 60_000 }, async () => {
  const line = 'the king and 👑 '.repeat(75_000);
  const { facts, tokens } = await open({ text: { name: 'line', train: line, heldOut: line.slice(0, 2000) } });
  expect(facts.trainTokens).toBe(tokens.length);
  expect(tokens.length / 75_000).toBeCloseTo(
    (await open({ text: { name: 'line', train: line.slice(0, 16_000), heldOut: line.slice(0, 2000) } })).facts
      .trainTokens / 1000,
    1,
  );
});

it('keeps the last tenth of a text for evaluation if there is no other', async () => {
  const { facts, tokens } = await open({ text: { ...request.text, heldOut: null } });
  expect(facts.trainTokens).toBe(tokens.length);
  const { facts: all } = await open();
  expect(facts.trainTokens).toBe(Math.floor(0.9 * all.trainTokens));
});

describe('refuses', () => {
  it('a plan that is none, by its layer', async () => {
    const failure = await refusalOf(open({ config: { layerTypes: '0_9_3_3_3_3_3_7' } }));
    expect(failure).toEqual({ code: 'bad-layer-types', at: 1, reason: 'there is no layer 9' });
  });

  it('a plan with more passes than anybody would wait for', async () => {
    const failure = await refusalOf(open({ config: { forwardPasses: 99_999 } }));
    expect(failure).toMatchObject({ code: 'bad-request', field: 'passes' });
  });

  it('a text that is shorter than a sequence', async () => {
    const failure = await refusalOf(open({ text: { ...request.text, train: 'Once upon a time' } }));
    expect(failure).toMatchObject({ code: 'bad-request', field: 'text' });
  });

  it('a model without a tokenizer', async () => {
    const { config, ...rest } = request;
    expect(config.layerTypes).toBeDefined();
    const source = goldenSource('llama');
    const failure = await refusalOf(openHealing({ ...rest, config: {} }, source, placeHere));
    expect(failure).toMatchObject({ code: 'bad-tokenizer' });
  });

  it('what would take too much memory, with what it would take', async () => {
    const config = JSON.parse((await shippedSource('fairy-llama').text('config.json')) ?? '') as object;
    const recipe = { ...request.recipe, tokensPerSequence: 8192, passes: { forward: 1, backward: 64 } };
    const large = { ...shippedSource('fairy-llama') };
    const source: ModelSource = {
      ...large,
      text: async (file) =>
        file === 'config.json'
          ? JSON.stringify({ ...config, max_position_embeddings: 8192 })
          : large.text(file),
    };
    const failure = await refusalOf(open({ recipe }, source));
    expect(failure).toMatchObject({ code: 'bad-request', field: 'trained' });
    expect(JSON.stringify(failure)).toMatch(
      /it would take \d+ MiB of memory \(weights 14 MiB, gradients 1 MiB/,
    );
  });

  it.each([
    ['steps', { steps: -1 }],
    ['sequencesPerStep', { sequencesPerStep: 0 }],
    ['tokensPerSequence', { tokensPerSequence: 513 }],
    ['learningRate', { learningRate: NaN }],
    ['passes', { passes: { forward: 1, backward: 0 } }],
    ['seed', { seed: 0.5 }],
  ])('a recipe whose %s cannot be', async (field, changed) => {
    const failure = await refusalOf(open({ recipe: { ...request.recipe, ...changed } }));
    expect(failure).toMatchObject({ code: 'bad-request', field });
  });
});
