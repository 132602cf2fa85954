import { beforeEach, describe, expect, it, vi } from 'vitest';
import { HEALED_ENDPOINT } from '../../../worker/endpoint.ts';
import type { Outcome } from '../../../worker/protocol/failure.ts';
import type {
  HealEvent,
  HealFacts,
  HealRequest,
  HealResult,
  KeptHealing,
  StoredHealed,
} from '../../../worker/protocol/heal.ts';
import { Playground } from '../../../web/playground/playground.svelte.ts';
import { bitsPlot, lossPlot } from '../../../web/panels/heal/heal-plot.ts';
import { Healer, type Pace } from '../../../web/panels/heal/healer.svelte.ts';
import { readText } from '../../../web/panels/heal/healing-text.ts';
import { standingLine, unreadLine } from '../../../web/panels/heal/words.ts';
import { factsOf, ScriptedEngine, settled, stored } from './scripted-engine.ts';

vi.mock('../../../web/experiments/engine-version.ts', () => ({ engineVersion: 'test' }));

const succeed = <T>(value: T): Outcome<T> => ({ ok: true, value });

const kept: KeptHealing = {
  ...{ model: 'fairy-lckv', layerTypes: '0_0_2_2', slidingWindow: 64, step: 40, steps: 100 },
  onSample: true,
  evaluations: [{ step: 0, bitsPerByte: 2.1 }],
};
const storedModel: StoredHealed = {
  ...{ endpoint: HEALED_ENDPOINT, repository: 'healed/fairy-lckv-0_0_2_2', commit: 'abcdef0', bytes: 9 },
};

const facts: HealFacts = {
  memory: { weights: 1, gradients: 1, optimizer: 1, activations: 1 },
  ...{ layerTypes: '0_0_2_2', trainedWeights: 1, allWeights: 2, trainTokens: 3, heldOutTokens: 4 },
  ...{ textDigest: '', onSample: true },
};

/** A worker whose answers the test gives. */
function scriptedClient() {
  const requests: HealRequest[] = [];
  const answers: ((outcome: Outcome<HealResult>) => void)[] = [];
  let emit: (event: HealEvent) => void = () => undefined;
  const answered = (receive: (event: HealEvent) => void) => {
    emit = receive;
    return new Promise<Outcome<HealResult>>((resolve) => answers.push(resolve));
  };
  return {
    requests,
    emit: (event: HealEvent) => {
      emit(event);
    },
    end: async (outcome: Outcome<HealResult>) => {
      answers.at(-1)?.(outcome);
      await settled();
    },
    heal: (request: HealRequest, receive: (event: HealEvent) => void) => {
      requests.push(request);
      return answered(receive);
    },
    continue: answered,
    kept: vi.fn(() => Promise.resolve<Outcome<KeptHealing | null>>(succeed(null))),
    store: vi.fn(() => Promise.resolve(succeed(storedModel))),
    drop: vi.fn(() => Promise.resolve(succeed(undefined))),
    pause: vi.fn(),
    resume: vi.fn(),
    stop: vi.fn(),
    close: vi.fn(),
  };
}

const stepped = (step: number): Pace => ({
  ...{ type: 'step', step, steps: 100, natsPerToken: 4, tokensPerSecond: 900, secondsLeft: 90 },
});

describe('the panel Heal', () => {
  let engine: ScriptedEngine;
  let playground: Playground;
  let client: ReturnType<typeof scriptedClient>;
  let healer: Healer;
  const text = { name: 'sample', train: 'text', heldOut: 'other text' };

  beforeEach(async () => {
    vi.stubGlobal('requestAnimationFrame', () => 1);
    vi.stubGlobal('cancelAnimationFrame', () => undefined);
    engine = new ScriptedEngine();
    playground = new Playground(engine);
    const entry = { id: playground.config.model, name: '', description: '', kernels: [], stored };
    playground.start(Promise.resolve([entry]));
    await settled();
    client = scriptedClient();
    healer = new Healer(playground, client, () => Promise.resolve(succeed(text)));
  });

  const loaded = async () => {
    const request = engine.loads.at(-1);
    if (request) engine.answerLoad.at(-1)?.(succeed(factsOf(request)));
    await settled();
  };

  it('says the memory before, and heals only a plan of a model that is known', async () => {
    expect(healer.memory).toBeNull();
    await healer.heal();
    expect(client.requests).toEqual([]);
    await loaded();
    const alone = healer.memory;
    // A model as large as those of 7 billion weights.
    const { facts: known } = playground;
    if (!known) throw new Error('it is loaded');
    const huge = {
      ...known,
      dims: { ...known.dims, hiddenSize: 4096, intermediateSize: 11_008, vocabSize: 32_000 },
    };
    vi.spyOn(playground, 'facts', 'get').mockReturnValue(huge);
    const other = new Healer(playground, client, () => Promise.resolve(succeed(text)));
    expect(other).toMatchObject({ tooLarge: true, possible: false });
    vi.restoreAllMocks();
    healer.trained = 'all';
    expect(healer.memory?.gradients).toBeGreaterThan(alone?.gradients ?? NaN);
    playground.config.layerTypes = '0_9_2_2';
    expect(healer.memory).toBeNull();
    playground.config.layerTypes = '0_0_2_2';
    healer.steps = 0;
    expect(healer.possible).toBe(false);
  });

  it('is repeated by a link as it began, whatever is set afterwards', async () => {
    await loaded();
    const begun = playground.config.model;
    playground.config.layerTypes = '0_0_2_2';
    healer.steps = 7;
    expect(healer.repeated.healing).toEqual({ trained: 'projections', steps: 7 });
    void healer.heal();
    await settled();
    healer.steps = 77;
    healer.trained = 'all';
    playground.config.layerTypes = '0_1_2_3';
    playground.config.model = 'healed/other';
    expect(healer.repeated).toMatchObject({
      config: { model: begun, layerTypes: '0_0_2_2' },
      healing: { trained: 'projections', steps: 7 },
    });
    await client.end(succeed({ step: 7, stopped: false } as unknown as HealResult));
    await healer.undo();
    expect(healer.repeated).toMatchObject({
      config: { layerTypes: '0_1_2_3' },
      healing: { trained: 'all', steps: 77 },
    });
  });

  it('asks for the plan on the page, in sequences that the model was made for', async () => {
    await loaded();
    playground.config.layerTypes = ' 0_0_2_2 ';
    void healer.heal();
    await settled();
    expect(client.requests).toMatchObject([
      {
        model: 'fairy-lckv',
        config: { layerTypes: '0_0_2_2', slidingWindow: 64 },
        recipe: { trained: 'projections', steps: 100, tokensPerSequence: 64, learningRate: 0.003 },
        ...{ text, evaluateEverySteps: 13, heldOutWindows: 8 },
      },
    ]);
    expect(healer.activity).toBe('opening');
    client.emit({ type: 'opened', facts });
    client.emit({ type: 'evaluated', step: 0, bitsPerByte: 2.1 });
    expect(healer.now).toEqual({
      ...{ model: 'fairy-lckv', layerTypes: '0_0_2_2', slidingWindow: 64, going: true, onSample: true },
      evaluations: [{ step: 0, bitsPerByte: 2.1 }],
    });
    client.emit(stepped(1));
    expect(healer.activity).toBe('healing');
    healer.pause();
    healer.resume();
    expect(client.pause.mock.calls.length + client.resume.mock.calls.length).toBe(2);
    await client.end(succeed({ end: 'complete', step: 100, evaluations: [] }));
    expect(healer.activity).toBe('rest');
    expect(healer.evaluations).toEqual([{ step: 0, bitsPerByte: 2.1 }]);
  });

  it('takes the recipe of a link, but not while something is healed, and starts nothing', async () => {
    await loaded();
    healer.file = new File(['x'], 'x.txt');
    healer.follow({ trained: 'all', steps: 200 });
    expect([healer.trained, healer.steps, healer.file]).toEqual(['all', 200, null]);
    expect(client.requests).toEqual([]);
    playground.config.layerTypes = '0_0_2_2';
    void healer.heal();
    healer.follow({ trained: 'projections', steps: 5 });
    expect([healer.trained, healer.steps]).toEqual(['all', 200]);
    await settled();
  });

  it('shows the first sample and the last', async () => {
    await loaded();
    playground.config.layerTypes = '0_0_2_2';
    void healer.heal();
    await settled();
    for (const step of [0, 13, 26]) client.emit({ type: 'sample', step, prompt: 'Once', text: `${step}` });
    expect(healer.samples.map(({ step }) => step)).toEqual([0, 26]);
    await client.end(succeed({ end: 'complete', step: 100, evaluations: [] }));
    expect(healer.samples).toHaveLength(2);
    void healer.heal();
    expect(healer.samples).toEqual([]);
    await settled();
  });

  it('keeps the healed model, loads it, and goes back to the converted one', async () => {
    await loaded();
    const base = playground.config.model;
    playground.config.layerTypes = '0_0_2_2';
    void healer.heal();
    await settled();
    client.emit(stepped(100));
    await client.end(succeed({ end: 'complete', step: 100, evaluations: [] }));
    await healer.keep();
    expect(client.store).toHaveBeenCalledWith('test');
    expect(engine.loads.at(-1)?.model).toMatchObject({ id: storedModel.repository, keep: true, token: null });
    await loaded();
    await healer.undo();
    expect(client.drop).toHaveBeenCalled();
    expect(client.close).toHaveBeenCalled();
    expect(playground.config).toMatchObject({ model: base, layerTypes: '0_0_2_2' });
    expect(healer.result).toBeNull();
  });

  it('stops while it reads the model and the text, and forgets what comes of that', async () => {
    await loaded();
    playground.config.layerTypes = '0_0_2_2';
    client.kept.mockResolvedValue(succeed(kept));
    void healer.heal();
    healer.stop();
    expect(client.close).toHaveBeenCalled();
    expect(healer.busy).toBe(false);
    await settled();
    // The text came too late.
    expect(client.requests).toEqual([]);
    expect(healer.kept).toEqual(kept);
    void healer.heal();
    await settled();
    expect(client.requests).toHaveLength(1);
    healer.stop();
    await settled();
    expect(healer).toMatchObject({ activity: 'rest', result: null, failure: null });
  });

  it('says of opened files that their healing cannot continue after a reload', async () => {
    await loaded();
    expect(healer.resumable).toBe(true);
    playground.bring({ from: 'files', id: 'folder:mine', files: new Map() });
    expect(healer.resumable).toBe(false);
    await settled();
  });

  it('offers to continue what was stopped, and what an earlier visit began', async () => {
    client.kept.mockResolvedValueOnce(succeed(kept));
    await healer.start();
    expect(healer.kept).toEqual(kept);
    expect(healer.now).toMatchObject({ model: 'fairy-lckv', going: false, evaluations: kept.evaluations });
    expect(client.close).toHaveBeenCalledTimes(1);
    void healer.continue();
    expect(healer.evaluations).toEqual(kept.evaluations);
    client.emit(stepped(41));
    await client.end(succeed({ end: 'stopped', step: 41, evaluations: [] }));
    expect(healer.kept).toMatchObject({ model: 'fairy-lckv', layerTypes: '0_0_2_2', step: 41, steps: 100 });
  });

  it('stands beside the shipped model of the plan only if both read the same text', async () => {
    const { models } = playground;
    playground.models = [
      ...models,
      ...models.map((entry) => ({
        ...{ ...entry, id: 'fairy-cla' },
        stored: { ...stored, layerTypes: '0_0_2_2' },
      })),
    ];
    healer.family = new Map([['fairy-cla', 1.5]]);
    await loaded();
    playground.config.layerTypes = '0_0_2_2';
    void healer.heal();
    await settled();
    expect(healer.member).toBeNull();
    client.emit({ type: 'opened', facts });
    expect(healer.member).toEqual({ id: 'fairy-cla', bitsPerByte: 1.5 });
    client.emit({ type: 'opened', facts: { ...facts, onSample: false } });
    expect(healer.member).toBeNull();
  });

  it('says what it heals if the page shows something else by then', async () => {
    await loaded();
    playground.config.layerTypes = '0_0_2_2';
    void healer.heal();
    await settled();
    client.emit({ type: 'opened', facts });
    expect(healer.elsewhere).toBe(false);
    playground.config.layerTypes = '0_1_2_2';
    expect(healer.elsewhere).toBe(true);
    expect(healer.now).toMatchObject({ layerTypes: '0_0_2_2', going: true });
    await client.end(succeed({ end: 'complete', step: 100, evaluations: [] }));
    expect(healer.elsewhere).toBe(false);
  });

  it('shows why it was refused', async () => {
    await loaded();
    client.kept.mockResolvedValue(succeed(kept));
    void healer.heal();
    await settled();
    await client.end({ ok: false, failure: { code: 'bad-request', field: 'text', reason: 'too short' } });
    expect(healer.failure).toMatchObject({ field: 'text' });
    // What an earlier visit began is still there.
    expect(healer.kept).toEqual(kept);
    expect(healer.busy).toBe(false);
  });
});

describe('what the panel says', () => {
  it('is where the healing stands', () => {
    expect(standingLine('rest', null, null, null)).toBe('Nothing is being healed.');
    expect(standingLine('healing', null, null, null)).toBe('Reading the held-out text…');
    expect(standingLine('healing', stepped(10), null, null)).toMatch(
      /^Healing: step 10 of 100, 900 tokens\/s, .+ left\.$/,
    );
    expect(standingLine('paused', stepped(10), null, null)).toBe('Paused: step 10 of 100.');
    expect(standingLine('rest', null, null, kept)).toContain('can continue after step 40 of 100');
    const ended = (end: HealResult['end']) => ({ end, step: 7, evaluations: [] });
    expect(standingLine('rest', stepped(7), ended('stopped'), null)).toBe('Stopped after step 7 of 100.');
    expect(standingLine('rest', stepped(7), ended('diverged'), null)).toContain('not finite after step 7');
  });

  it('is what a healing that was stopped between two readings of the held-out text does not know', () => {
    expect(unreadLine(0, 7, 13)).toBe(
      'The held-out text is read every 13 steps, so far only before the first one: what the 7 steps since then gained is not known yet. Press Continue to see it.',
    );
    expect(unreadLine(26, 27, 13)).toContain('every 13 steps, last after step 26: what the 1 step since');
    expect(unreadLine(26, 26, 13)).toBe('');
    expect(unreadLine(0, 0, 13)).toBe('');
  });

  it('draws the held-out text with a hollow dot where it is now, and the member as a level', () => {
    const evaluations = [0, 50].map((step) => ({ step, bitsPerByte: 2 - step / 100 }));
    const plot = bitsPlot(evaluations, { id: 'fairy-cla', bitsPerByte: 1.4 }, 100);
    expect(plot?.series.map(({ level }) => level)).toEqual([null, 1.4]);
    expect(plot?.series[0]?.points.map(({ hollow }) => hollow)).toEqual([false, true]);
    expect(bitsPlot([], null, 100)).toBeNull();
    expect(lossPlot([stepped(1)], 100)).toBeNull();
    expect(lossPlot([stepped(1), stepped(2)], 100)?.series[0]?.points).toHaveLength(2);
    // No two ticks read the same, however little the values differ.
    const losses = [3.31, 3.48, 3.4].map((natsPerToken, i) => ({ ...stepped(i + 1), natsPerToken }));
    const bits = [1.504, 1.501].map((bitsPerByte, step) => ({ step, bitsPerByte }));
    for (const axis of [lossPlot(losses, 100)?.y, bitsPlot(bits, null, 100)?.y]) {
      const ticks = axis?.ticks.map(axis.format) ?? [];
      expect(ticks.length).toBeGreaterThan(1);
      expect(new Set(ticks).size).toBe(ticks.length);
    }
  });

  it('takes a text in UTF-8, and nothing else', async () => {
    const own = new File(['Once upon a time'], 'tale.txt');
    expect(await readText(own, '')).toEqual(
      succeed({ name: 'tale.txt', train: 'Once upon a time', heldOut: null }),
    );
    const king = [0x6b, 0, 0x69, 0, 0x6e, 0, 0x67, 0];
    const utf16 = (mark: readonly number[]) => new File([Uint8Array.of(...mark, ...king)], 'a.txt');
    for (const file of [utf16([0xff, 0xfe]), utf16([])]) {
      expect(await readText(file, '')).toMatchObject({ failure: { code: 'bad-request', field: 'a.txt' } });
    }
    const huge = new File([new Uint8Array(16 * 2 ** 20 + 1).fill(32)], 'huge.txt');
    expect(await readText(huge, '')).toMatchObject({ failure: { reason: 'it has more than 16 MiB' } });
    const picture = new File([Uint8Array.of(0x89, 0x50, 0xff)], 'picture.png');
    expect(await readText(picture, '')).toMatchObject({
      ...{ ok: false, failure: { code: 'bad-request', field: 'picture.png' } },
    });
  });
});
