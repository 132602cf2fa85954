import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Backend } from '../../../gpu/backend.ts';
import { BackendError } from '../../../gpu/backend-error.ts';
import { greedy } from '../../../gpu/plan/sampling.ts';
import { openCpuBackend } from '../../../gpu/reference/cpu-backend.ts';
import { Engine } from '../../../worker/engine.ts';
import type { ModelSource } from '../../../worker/loader/model-source.ts';
import { succeed, valueOf } from '../../../worker/outcome.ts';
import type { EngineEvent, GenerateRequest, LoadRequest } from '../../../worker/protocol.ts';
import { goldenSource, shippedSource } from './sources.ts';

interface Golden {
  readonly tokens: number[];
  readonly turns: number[][];
  readonly positions: number[];
  readonly parallel_logits: number[][];
  readonly greedy_after_parallel: number[];
}

const goldenOf = async (name: string) =>
  JSON.parse(await readFile(`tests/fixtures/golden/${name}/golden.json`, 'utf8')) as Golden;

const ignore = () => undefined;
const cpu = (model: string): LoadRequest => ({ model, backend: 'cpu', weights: 'stored' });
const ask = (changes: Partial<GenerateRequest>): GenerateRequest => ({
  input: { turns: [[5, 6, 7]] },
  config: {},
  mode: 'auto',
  kvPrecision: 'f32',
  maxNewTokens: 4,
  ignoreEos: true,
  sampling: greedy,
  logits: [],
  score: false,
  ...changes,
});

/** An engine on the CPU over the models of the repository, and a look at what it opened. */
function openEngine({ edit = (backend: Backend) => backend, config = (text: string) => text } = {}) {
  const opened: Backend[] = [];
  const files: string[] = [];
  const engine = new Engine({
    openBackend: () => {
      opened.push(edit(openCpuBackend()));
      return Promise.resolve(opened.at(-1) ?? openCpuBackend());
    },
    openSource: (model) => {
      const source = model.startsWith('fairy') ? shippedSource(model) : goldenSource(model);
      const noting: ModelSource = {
        text: async (file) => {
          const text = await source.text(file);
          return text !== null && file === 'config.json' ? config(text) : text;
        },
        open: (file) => {
          files.push(file);
          return source.open(file);
        },
      };
      return succeed(noting);
    },
  });
  return { engine, opened, files };
}

async function loaded(model: string, options = {}) {
  const opened = openEngine(options);
  valueOf(await opened.engine.load(cpu(model), ignore));
  return opened;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a run', () => {
  it('gives the golden logits and tokens, over one turn and over two', async () => {
    for (const name of ['short-prompt', 'two-turns']) {
      const golden = await goldenOf(name);
      const { engine } = await loaded(name);
      // Asked for backwards and twice, because rows come in the order asked.
      const positions = [...golden.positions].reverse().flatMap((position) => [position, position]);
      const result = valueOf(
        await engine.generate(
          ask({
            input: { turns: name === 'two-turns' ? golden.turns : [golden.tokens] },
            mode: 'parallel',
            maxNewTokens: 24,
            logits: positions,
          }),
          ignore,
        ),
      );
      expect(result.tokens).toEqual(golden.greedy_after_parallel);
      expect(result.logits.length).toBe(positions.length);
      for (const [index, position] of positions.entries()) {
        const expected = golden.parallel_logits[golden.positions.indexOf(position)] ?? [];
        const worst = Math.max(
          ...expected.map((value, i) => Math.abs(value - (result.logits[index]?.[i] ?? NaN))),
        );
        expect(worst).toBeLessThan(1e-3); // the tolerance that comes with the golden files
      }
    }
  });

  it("continues a text as a shipped model's golden file says", async () => {
    const [golden] = JSON.parse(await readFile('public/models/fairy-lckv/golden.json', 'utf8')) as {
      prompt: string;
      text_after_parallel: string;
    }[];
    const { engine } = await loaded('fairy-lckv');
    const events: EngineEvent[] = [];
    const result = valueOf(
      await engine.generate(ask({ input: { text: golden?.prompt ?? '' }, maxNewTokens: 12 }), (event) =>
        events.push(event),
      ),
    );
    expect(result.text).not.toBe('');
    expect(golden?.text_after_parallel.startsWith(result.text ?? '!')).toBe(true);
    const streamed = events.flatMap((event) => (event.type === 'token' ? event.text : []));
    expect(streamed.join('')).toBe(result.text);
    expect(events.at(-1)).toMatchObject({
      type: 'stats',
      newTokens: 12,
      kv: result.kv,
      timing: result.timing,
    });
  });

  it('scores a prompt by its own logits, whether it comes in one turn or in many', async () => {
    const { engine } = await loaded('lckv');
    const tokens = [20, 40, 116, 6, 153, 108];
    const one = valueOf(
      await engine.generate(
        ask({
          input: { turns: [tokens] },
          mode: 'sequential',
          score: true,
          logits: [0, 1, 2, 3, 4],
          maxNewTokens: 0,
        }),
        ignore,
      ),
    );
    const losses = one.logits.map((row, position) => {
      const sum = row.reduce((total, logit) => total + Math.exp(logit), 0);
      return Math.log(sum) - (row[tokens[position + 1] ?? 0] ?? NaN);
    });
    expect(one.nats).toBeCloseTo(losses.reduce((total, loss) => total + loss) / losses.length, 5);
    const turns = [tokens.slice(0, 1), tokens.slice(1, 4), tokens.slice(4)];
    const many = valueOf(
      await engine.generate(
        ask({ input: { turns }, mode: 'sequential', score: true, maxNewTokens: 0 }),
        ignore,
      ),
    );
    expect(many.nats).toBeCloseTo(one.nats ?? NaN, 10);
    expect(many.logits).toEqual([]);
  });

  it('ends with the end token, which is a token and no text', async () => {
    const unended = valueOf(
      await (await loaded('fairy-lckv')).engine.generate(ask({ input: { text: 'Once' } }), ignore),
    );
    const [first, second] = unended.tokens;
    const { engine } = await loaded('fairy-lckv', {
      config: (text: string) => text.replace('"eos_token_id": 1', `"eos_token_id": [7, ${String(second)}]`),
    });
    const ended = valueOf(await engine.generate(ask({ input: { text: 'Once' }, ignoreEos: false }), ignore));
    expect(ended).toMatchObject({ end: 'end-of-text', tokens: [first, second] });
    expect(unended.text?.startsWith(ended.text ?? '!')).toBe(true);
    expect(ended.text?.length).toBeLessThan(unended.text?.length ?? 0);
    const ignored = valueOf(await engine.generate(ask({ input: { text: 'Once' } }), ignore));
    expect(ignored).toMatchObject({ end: 'length', tokens: unended.tokens });
  });

  it('measures the KV of the prompt and all new tokens but the last', async () => {
    const { engine } = await loaded('lckv');
    const { kv, timing } = valueOf(await engine.generate(ask({}), ignore));
    expect(kv.layers).toEqual([0, 6, 7].map((layer) => ({ layer, rows: 3 + 4 - 1, bytes: 6 * 256 })));
    expect(timing.prefillMs).toBeGreaterThan(0);
    expect(timing.decodeTokensPerSec).toBeCloseTo(3000 / timing.decodeMs, 6);
  });

  it('has no text where the model has no tokenizer', async () => {
    const { engine } = await loaded('lckv');
    expect(valueOf(await engine.generate(ask({}), ignore)).text).toBeNull();
    expect(await engine.generate(ask({ input: { text: 'Once' } }), ignore)).toMatchObject({
      failure: { code: 'bad-request', field: 'prompt' },
    });
  });

  it.each<[Partial<GenerateRequest>, object]>([
    [{ input: { turns: [] } }, { code: 'bad-request', field: 'turns' }],
    [{ input: { turns: [[1], []] } }, { code: 'bad-request', field: 'turns' }],
    [{ input: { turns: [[160]] } }, { code: 'bad-request', field: 'turns' }],
    [{ input: { turns: [[-1]] } }, { code: 'bad-request', field: 'turns' }],
    [{ input: { turns: [[0.5]] } }, { code: 'bad-request', field: 'turns' }],
    [{ logits: [3] }, { code: 'bad-request', field: 'logits' }],
    [{ logits: [-1] }, { code: 'bad-request', field: 'logits' }],
    [
      { input: { turns: [[1]] }, score: true },
      { code: 'bad-request', field: 'score' },
    ],
    [{ maxNewTokens: -1 }, { code: 'bad-request', field: 'maxNewTokens' }],
    [{ maxNewTokens: 1.5 }, { code: 'bad-request', field: 'maxNewTokens' }],
    [{ sampling: { ...greedy, topP: 1.5 } }, { code: 'bad-request', field: 'topP' }],
    [{ sampling: { ...greedy, seed: NaN } }, { code: 'bad-request', field: 'seed' }],
    [{ config: { layerTypes: '0' } }, { code: 'bad-layer-types', at: 1 }],
    [{ config: { slidingWindow: 0 } }, { code: 'bad-config', field: 'sliding_window' }],
  ])('that asks for %j fails with %j and takes nothing', async (changes, failure) => {
    const { engine, opened } = await loaded('lckv');
    const before = opened[0]?.allocatedBytes;
    expect(await engine.generate(ask(changes), ignore)).toMatchObject({ ok: false, failure });
    expect(opened[0]?.allocatedBytes).toBe(before);
  });

  it('frees its session at its end', async () => {
    const { engine, opened } = await loaded('lckv');
    const before = opened[0]?.allocatedBytes;
    valueOf(await engine.generate(ask({}), ignore));
    expect(opened[0]?.allocatedBytes).toBe(before);
  });
});

describe('another configuration', () => {
  it('is computed without reading the file again, and the stored one comes back exactly', async () => {
    const { engine, files } = await loaded('lckv');
    const run = async (config: GenerateRequest['config']) =>
      valueOf(await engine.generate(ask({ config, logits: [2] }), ignore)).logits;
    const stored = await run({});
    expect(await run({ layerTypes: '0_0_2_2_4_4_6_6' })).not.toEqual(stored);
    expect(await run({ layerTypes: '0_6_6_6_6_6_6_7' })).toEqual(stored);
    expect(files).toEqual(['model.safetensors']);
  });
});

describe('loading', () => {
  it('the same model once more does nothing; another one replaces it', async () => {
    const { engine, files, opened } = await loaded('lckv');
    valueOf(await engine.load(cpu('lckv'), ignore));
    expect(files.length).toBe(1);
    const bytes = opened[0]?.allocatedBytes;
    valueOf(await engine.load({ ...cpu('lckv'), weights: 'f16' }, ignore));
    expect(files.length).toBe(2);
    expect(opened[0]?.allocatedBytes).toBe(bytes);
    expect(opened.length).toBe(1);
  });

  it('fails for a model that is not there, and leaves the engine usable', async () => {
    const { engine } = await loaded('lckv');
    expect(await engine.load(cpu('nowhere'), ignore)).toMatchObject({
      failure: { code: 'download-failed', file: 'config.json', status: 404 },
    });
    expect(await engine.generate(ask({}), ignore)).toEqual({ ok: false, failure: { code: 'no-model' } });
    valueOf(await engine.load(cpu('lckv'), ignore));
    valueOf(await engine.generate(ask({}), ignore));
  });

  it('is undone by unload', async () => {
    const { engine, opened } = await loaded('lckv');
    await engine.unload();
    expect(opened[0]?.allocatedBytes).toBe(0);
    expect(await engine.generate(ask({}), ignore)).toMatchObject({ failure: { code: 'no-model' } });
  });
});

describe('several calls at once', () => {
  it('run one after the other, in the order of the calls', async () => {
    const { engine } = openEngine();
    const order: string[] = [];
    const note = (name: string) => (event: EngineEvent) => {
      if (order.at(-1) !== name && event.type !== 'download') order.push(name);
    };
    const results = await Promise.all([
      engine.load(cpu('lckv'), ignore),
      engine.generate(ask({ maxNewTokens: 30 }), note('first')),
      engine.generate(ask({ maxNewTokens: 30 }), note('second')),
      engine.load(cpu('cla'), ignore),
      engine.generate(ask({ maxNewTokens: 30 }), note('third')),
    ]);
    expect(results.map(({ ok }) => ok)).toEqual([true, true, true, true, true]);
    expect(order).toEqual(['first', 'second', 'third']);
  });

  it('are ended by one stop, running or waiting, and later ones are not', async () => {
    const { engine } = await loaded('lckv');
    let tokens = 0;
    const running = engine.generate(ask({ maxNewTokens: 5000 }), (event) => {
      if (event.type === 'token' && ++tokens === 3) engine.stop();
    });
    const waiting = engine.generate(ask({ maxNewTokens: 5000 }), ignore);
    expect(valueOf(await running)).toMatchObject({ end: 'stopped', tokens: { length: tokens } });
    expect(tokens).toBeLessThanOrEqual(4);
    expect(valueOf(await waiting)).toMatchObject({ end: 'stopped', tokens: [] });
    expect(valueOf(await engine.generate(ask({}), ignore))).toMatchObject({ end: 'length' });
  });

  it('that are stopped within the prompt resolve with what they have', async () => {
    const { engine } = await loaded('lckv');
    const turn = Array.from({ length: 300 }, (_, i) => i % 160);
    const running = engine.generate(
      ask({ input: { turns: [turn] }, logits: [0], score: true, mode: 'sequential' }),
      (event) => {
        if (event.type === 'prefill') engine.stop();
      },
    );
    expect(valueOf(await running)).toMatchObject({
      end: 'stopped',
      tokens: [],
      logits: [],
      nats: null,
      timing: { prefillTokensPerSec: 0, decodeTokensPerSec: 0 },
    });
  });
});

describe('a failure of the backend', () => {
  /** A backend on which opening a session throws, as often as is said. */
  const failing = (error: Error, times: number) => (backend: Backend) => {
    const allocate = backend.allocate.bind(backend);
    backend.allocate = async (request) => {
      const weights = await allocate(request);
      const open = weights.open.bind(weights);
      weights.open = (options) => (times-- > 0 ? Promise.reject(error) : open(options));
      return weights;
    };
    return backend;
  };

  it('that lost the device drops it; the next load opens another', async () => {
    const lost = new BackendError({ code: 'device-lost', reason: 'unplugged' });
    const { engine, opened } = await loaded('lckv', { edit: failing(lost, 1) });
    expect(await engine.generate(ask({}), ignore)).toMatchObject({ failure: lost.failure });
    expect(opened[0]?.allocatedBytes).toBe(0);
    expect(await engine.generate(ask({}), ignore)).toMatchObject({ failure: { code: 'no-model' } });
    valueOf(await engine.load(cpu('lckv'), ignore));
    expect(opened.length).toBe(2);
  });

  it('for want of memory keeps the model', async () => {
    const full = new BackendError({ code: 'out-of-memory', what: 'kv', bytes: 1 });
    const { engine } = await loaded('lckv', { edit: failing(full, 1) });
    expect(await engine.generate(ask({}), ignore)).toMatchObject({ failure: full.failure });
    valueOf(await engine.generate(ask({}), ignore));
  });

  it('that is a bug is said as internal, logged, and forgotten', async () => {
    const logged = vi.spyOn(console, 'error').mockReturnValue(undefined);
    const bug = new TypeError('undefined is not a kernel');
    const { engine } = await loaded('lckv', { edit: failing(bug, 1) });
    expect(await engine.generate(ask({}), ignore)).toEqual({
      ok: false,
      failure: { code: 'internal', reason: 'undefined is not a kernel' },
    });
    expect(logged).toHaveBeenCalledWith(bug);
    valueOf(await engine.generate(ask({}), ignore));
  });
});

describe('events', () => {
  it('that the receiver fails on do not fail the run', async () => {
    const { engine } = await loaded('lckv');
    const throwing = () => {
      throw new Error('the page broke');
    };
    const rejecting = (() => Promise.reject(new Error('the page broke'))) as () => void;
    for (const receive of [throwing, rejecting]) valueOf(await engine.generate(ask({}), receive));
  });

  it('have all arrived when the answer comes', async () => {
    const { engine } = await loaded('lckv');
    let arrived = 0;
    const slow = (() =>
      new Promise((resolve) => setTimeout(resolve, 30)).then(() => arrived++)) as () => void;
    valueOf(await engine.generate(ask({}), slow));
    expect(arrived).toBeGreaterThan(4);
  });

  it('of statistics come at most a few times a second', async () => {
    const { engine } = await loaded('lckv');
    let stats = 0;
    const startMs = performance.now();
    valueOf(
      await engine.generate(ask({ maxNewTokens: 300 }), (event) => (stats += Number(event.type === 'stats'))),
    );
    expect(stats).toBeGreaterThan(0);
    expect(stats).toBeLessThanOrEqual(2 + (performance.now() - startMs) / 200);
  });
});
