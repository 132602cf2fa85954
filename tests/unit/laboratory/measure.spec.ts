import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openProcessorBackend } from '../../../gpu/wasm/backend.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import { afterPrompt, rollingWindows, windowOfPair } from '../../../worker/evaluate/windows.ts';
import { succeed, valueOf } from '../../../worker/outcome.ts';
import type { Measured, MeasureRequest } from '../../../worker/protocol/measure.ts';
import { greedy } from '../../../gpu/plan/sampling.ts';
import { placeHere } from '../../../worker/text/place-here.ts';

const range = (count: number) => [...Array(count).keys()];

describe('Windows', () => {
  const whole = { context: [-1], continuation: range(25) };

  it('score every token once, each window with one token of context, and the last with all that fits', () => {
    const windows = rollingWindows(whole, 10);
    expect(windows.map(({ tokens, scored }) => tokens.slice(-scored))).toEqual([
      range(10),
      range(20).slice(10),
      range(25).slice(20),
    ]);
    expect(windows.map(({ tokens }) => tokens.length - 1)).toEqual([10, 10, 10]);
  });

  it('with a prompt score what follows it, the first token from the prompt’s own logits', () => {
    const [window] = rollingWindows({ context: [-1], continuation: range(600) }, 512);
    expect(window && afterPrompt(window, 128).scored).toBe(385);
    expect(afterPrompt({ tokens: range(5), scored: 4 }, 8).scored).toBe(0);
  });

  it('of a pair lose the begin of the context, and are none if the continuation alone is too long', () => {
    const pair = { context: range(9), continuation: [20, 21] };
    expect(windowOfPair(pair, 4)).toEqual({ tokens: [6, 7, 8, 20, 21], scored: 2, cut: 6 });
    expect(windowOfPair(pair, 1)).toBeNull();
  });
});

describe('Measured on the CPU', () => {
  const engine = new Engine({
    openBackend: () => openProcessorBackend(),
    openTextPlace: placeHere,
    openSource: (model) => succeed(openFolderSource(`public/models/${model}`)),
  });
  const load = async (model: string) => {
    const request = { model, backend: 'cpu', weights: 'stored', quantizeEmbeddings: false } as const;
    valueOf(await engine.load(request, () => undefined));
  };
  const measure = async (request: Pick<MeasureRequest, 'work'> & Partial<MeasureRequest>) => {
    const found: Measured[] = [];
    const whole = {
      config: {},
      mode: 'auto',
      kvPrecision: 'f32',
      policy: { id: 'none' },
      ...request,
    } as const;
    valueOf(
      await engine.measure(whole, (event) => {
        if (event.type === 'measured') found[event.item] = event.measured;
      }),
    );
    return found;
  };
  const natsOf = (measured: Measured | undefined) =>
    measured?.kind === 'likelihood' ? measured.requests.map(({ logLikelihood }) => logLikelihood ?? NaN) : [];
  const run = { config: {}, kvPrecision: 'f32', policy: { id: 'none' }, maxNewTokens: 0 } as const;
  const rest = { ignoreEos: true, sampling: greedy, logits: [] } as const;
  const context = 'Once upon a time there was a king who had three daughters, and the youngest of them was';
  const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 4) as number);

  beforeAll(() => load('fairy-lckv'));
  afterAll(() => engine.unload());

  it.each(['sequential', 'parallel'] as const)(
    'a sequence in %s mode has the loss of a run',
    async (mode) => {
      const tokens = [0, 1554, 326, 645, 260, 522, 453, 309, 260, 594, 413, 342, 792, 285, 658, 511, 15];
      const asked = { ...run, ...rest, mode, input: { turns: [tokens] }, score: true };
      const { nats } = valueOf(await engine.generate(asked, () => undefined));
      const [measured] = await measure({
        mode,
        work: { kind: 'tokens', items: [{ tokens }], promptTokens: null },
      });
      expect(natsOf(measured)).toEqual(close([-(nats ?? NaN) * (tokens.length - 1)]));
    },
  );

  it.each(['none', 'sinks'])(
    'tokens behind a prompt have the score of a continuation, under %s',
    async (id) => {
      const policy = id === 'none' ? { id } : { id, sinks: 2, recent: 4 };
      const tokens = [0, 1554, 326, 645, 260, 522, 453, 309, 260, 594, 413, 342, 792, 285, 658, 511, 15];
      const [measured] = await measure({
        policy,
        mode: 'sequential',
        work: { kind: 'tokens', items: [{ tokens }], promptTokens: 8 },
      });
      const asked = {
        config: {},
        kvPrecision: 'f32',
        policy,
        mode: 'sequential',
        reference: 'keep',
        maxNewTokens: 0,
      } as const;
      const request = { ...asked, input: { turns: [tokens.slice(0, 8)] }, continuation: tokens.slice(8) };
      const { logProbabilities } = valueOf(await engine.score(request, () => undefined));
      expect(natsOf(measured)).toEqual(close([logProbabilities.reduce((sum, each) => sum + each, 0)]));
    },
  );

  it('a continuation under a policy has the score that decoding gives it', async () => {
    const policy = { id: 'sinks', sinks: 2, recent: 6 };
    const continuation = ' very fair and had long golden hair.';
    const [measured] = await measure({
      policy,
      mode: 'sequential',
      work: { kind: 'likelihood', items: [{ requests: [{ context, continuation }] }], maxLength: 512 },
    });
    const opened = openFolderSource('public/models/fairy-lckv');
    const place = placeHere();
    const config = await opened.text('tokenizer_config.json');
    await place.api.open({ tokenizer: (await opened.text('tokenizer.json')) ?? '', config, template: null });
    const before = valueOf(await place.api.encode(context, true));
    const all = valueOf(await place.api.encode(context + continuation, true));
    const asked = {
      ...({ config: {}, kvPrecision: 'f32', mode: 'sequential', policy, reference: 'keep' } as const),
      maxNewTokens: 0,
    };
    const scored = valueOf(
      await engine.score(
        { ...asked, input: { turns: [before] }, continuation: all.slice(before.length) },
        () => undefined,
      ),
    );
    expect(natsOf(measured)).toEqual(close([scored.logProbabilities.reduce((sum, each) => sum + each, 0)]));
  });

  it('a greedy continuation is that of a run, up to the first text that ends it', async () => {
    const asked = { ...run, ...rest, mode: 'sequential', input: { text: context }, score: false } as const;
    const { text } = valueOf(await engine.generate({ ...asked, maxNewTokens: 24 }, () => undefined));
    const generated = async (until: readonly string[]) => {
      const work = {
        kind: 'generate',
        items: [{ context }],
        until,
        maxNewTokens: 24,
        maxLength: 512,
      } as const;
      const [measured] = await measure({ mode: 'sequential', work });
      return measured?.kind === 'generate' ? measured.text : null;
    };
    expect(await generated([])).toBe(text);
    const end = text?.slice(10, 13) ?? '';
    expect(await generated(['', end])).toBe(text?.split(end)[0]);
  });

  it('choices that share their context have the numbers that they have alone', async () => {
    await load('fairy-llama');
    const requests = ['the fairest', 'a fox', 'the', 'the king'].map((choice) => ({
      context,
      continuation: ` ${choice}`,
    }));
    const work = (items: readonly { readonly requests: typeof requests }[]) =>
      measure({ work: { kind: 'likelihood', items, maxLength: 512 } });
    const [together] = await work([{ requests }]);
    const alone = await work(requests.map((request) => ({ requests: [request] })));
    expect(natsOf(together)).toEqual(close(alone.flatMap(natsOf)));
  });

  it('a continuation that is too long is not scored, and the others are', async () => {
    const requests = [' a', ' a very long continuation of many words'].map((continuation) => ({
      context: 'There was',
      continuation,
    }));
    const [measured] = await measure({ work: { kind: 'likelihood', items: [{ requests }], maxLength: 4 } });
    if (measured?.kind !== 'likelihood') throw new Error('nothing was measured');
    expect(measured.requests.map(({ logLikelihood }) => logLikelihood === null)).toEqual([false, true]);
  });
});
