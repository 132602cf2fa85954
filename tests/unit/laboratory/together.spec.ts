import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openProcessorBackend } from '../../../gpu/wasm/backend.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import { Conversation } from '../../../worker/engine/conversation.ts';
import { measure, type MeasurableModel } from '../../../worker/evaluate/measure.ts';
import { loadModel } from '../../../worker/loader/load-model.ts';
import { Refused } from '../../../worker/outcome.ts';
import type { EngineEvent } from '../../../worker/protocol/engine.ts';
import type { MeasureRequest, MeasureWork } from '../../../worker/protocol/measure.ts';
import { placeHere } from '../../../worker/text/place-here.ts';

const tale =
  'Once upon a time there was a king who had three daughters. The youngest of them was fair and good. ' +
  'One day the king rode into the wood and met an old woman at a well. She asked him for a crust of bread. ' +
  'The king had none, but he gave her his cloak of red wool. Then she told him where the golden bird was. ' +
  'So the king went home and told his daughters of the golden bird. And the youngest wept for joy.';
const words = tale.split(' ');
const from = (start: number, count: number) => words.slice(start, start + count).join(' ');

const works: readonly (readonly [string, MeasureWork])[] = [
  [
    'choices',
    {
      kind: 'likelihood',
      maxLength: 64,
      items: [3, 40, 11, 24, 7, 18].map((length, i) => ({
        requests: [' was good.', ' wept for joy and sang.', ' the'].map((continuation) => ({
          context: from(2 * i, length),
          continuation,
        })),
      })),
    },
  ],
  [
    'windows of texts',
    {
      kind: 'rolling',
      maxLength: 24,
      begin: 'once',
      promptTokens: null,
      items: [{ text: tale }, { text: from(5, 12) }, { text: from(0, 3) }, { text: from(20, 30) }],
    },
  ],
  [
    'windows behind prompts',
    {
      kind: 'rolling',
      maxLength: 40,
      begin: 'harness',
      promptTokens: 9,
      items: [{ text: tale }, { text: from(5, 2) }, { text: from(9, 40) }],
    },
  ],
  [
    'continuations',
    {
      kind: 'generate',
      maxLength: 128,
      maxNewTokens: 40,
      until: ['.', ' and'],
      items: [20, 4, 9, 30, 2, 13, 8, 5, 17].map((count, i) => ({ context: from(3 * i, count) })),
    },
  ],
  [
    'recalled sentences',
    {
      kind: 'recall',
      text: tale,
      seed: 1,
      items: [0, 10, 30].flatMap((distance) => [0, 1].map((repetition) => ({ distance, repetition }))),
    },
  ],
];

const readings = {
  'everything kept': { model: 'fairy-llama', config: {}, policy: { id: 'none' }, mode: 'auto' },
  'a group that iterates': { model: 'fairy-lckv', config: {}, policy: { id: 'none' }, mode: 'parallel' },
  h2o: {
    model: 'fairy-llama',
    config: {},
    policy: { id: 'h2o', heavy: 6, recent: 6 },
    mode: 'sequential',
  },
} as const;

describe.each(Object.entries(readings))('Measured together, with %s,', (_, { model: name, ...reading }) => {
  let model: MeasurableModel;
  let allocatedBytes: () => number;
  beforeAll(async () => {
    const loaded = await loadModel({
      source: openFolderSource(`public/models/${name}`),
      sourceLater: () => Promise.resolve(openFolderSource(`public/models/${name}`)),
      openBackend: () => openProcessorBackend(),
      openTextPlace: placeHere,
      weights: 'stored',
      quantizeEmbeddings: false,
      emit: () => undefined,
    });
    const openSource = () => Promise.resolve(openFolderSource(`public/models/${name}`));
    allocatedBytes = () => loaded.backend.allocatedBytes;
    model = { ...loaded, conversation: new Conversation(), openSource };
  });
  afterAll(() => {
    model.weights.free();
  });

  const measured = async (work: MeasureWork, lanes: number, stopAfter = Infinity) => {
    const events: EngineEvent[] = [];
    let tokens = 0;
    const request: MeasureRequest = { kvPrecision: 'f16', ...reading, work };
    const options = {
      emit: (event: EngineEvent) => {
        if (event.type === 'measured') events.push(event);
        if (event.type === 'measuring') tokens = event.tokens;
      },
      stopped: () => tokens >= stopAfter,
    };
    const before = allocatedBytes();
    const ended = await measure(model, request, false, options, lanes).then(
      () => 'to the end',
      (error: unknown) => (error instanceof Refused ? error.failure.code : error),
    );
    expect(allocatedBytes()).toBe(before);
    return { events, tokens, ended };
  };

  it.each(works)('%s have the numbers that they have one by one, to the bit', async (_, work) => {
    const oneByOne = await measured(work, 1);
    expect(oneByOne.events).toHaveLength(work.items.length);
    expect(await measured(work, 8)).toEqual(oneByOne);

    const stopped = await measured(work, 8, oneByOne.tokens / 2);
    expect(stopped.ended).toBe('stopped');
    expect(stopped.events).toEqual(oneByOne.events.slice(0, stopped.events.length));
  });
});
