import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Backend } from '../../../gpu/backend.ts';
import { BackendError } from '../../../gpu/backend-error.ts';
import { valueOf } from '../../../worker/outcome.ts';
import type { EngineEvent } from '../../../worker/protocol/engine.ts';
import { ask, cpu, ignore, loaded, openEngine } from './engines.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('loading', () => {
  it('does nothing for the loaded model, and replaces it with another one', async () => {
    const { engine, files, opened } = await loaded('lckv');
    valueOf(await engine.load(cpu('lckv'), ignore));
    expect(files.length).toBe(1);
    const bytes = opened[0]?.allocatedBytes;
    valueOf(await engine.load({ ...cpu('lckv'), weights: 'f16' }, ignore));
    expect(files.length).toBe(2);
    expect(opened[0]?.allocatedBytes).toBe(bytes);
    expect(opened.length).toBe(1);
  });

  it('fails for a missing model, and leaves the engine usable', async () => {
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

  it('all end with one stop, running or waiting, and later ones do not', async () => {
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

  it('resolve with what they have if they are stopped within the prompt', async () => {
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
  /** A backend on which opening a session throws this many times. */
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

  it.each([{ code: 'device-lost', reason: 'unplugged' } as const, { code: 'thread-lost' } as const])(
    'that is $code drops the backend, and the next load opens another',
    async (failure) => {
      const lost = new BackendError(failure);
      const { engine, opened } = await loaded('lckv', { edit: failing(lost, 1) });
      expect(await engine.generate(ask({}), ignore)).toMatchObject({ failure: lost.failure });
      expect(opened[0]?.allocatedBytes).toBe(0);
      expect(await engine.generate(ask({}), ignore)).toMatchObject({ failure: { code: 'no-model' } });
      valueOf(await engine.load(cpu('lckv'), ignore));
      expect(opened.length).toBe(2);
    },
  );

  it('that it gets over is in the facts of a model that is loaded already', async () => {
    const adapter = { backend: 'cpu', vendor: '', description: 'two threads', software: true } as const;
    let description = 'two threads';
    const { engine } = await loaded('lckv', {
      edit: (backend: Backend) => {
        Object.defineProperty(backend, 'adapter', { get: () => ({ ...adapter, description }) });
        return backend;
      },
    });
    description = 'one thread: the other one ended';
    expect(valueOf(await engine.load(cpu('lckv'), ignore)).adapter.description).toBe(description);
  });

  it('for lack of memory keeps the model', async () => {
    const full = new BackendError({ code: 'out-of-memory', what: 'kv', bytes: 1 });
    const { engine } = await loaded('lckv', { edit: failing(full, 1) });
    expect(await engine.generate(ask({}), ignore)).toMatchObject({ failure: full.failure });
    valueOf(await engine.generate(ask({}), ignore));
  });

  it('that is a bug is reported as internal and logged, and the next run works', async () => {
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
  it('do not fail the run if their receiver throws', async () => {
    const { engine } = await loaded('lckv');
    const throwing = () => {
      throw new Error('the page broke');
    };
    const rejecting = (() => Promise.reject(new Error('the page broke'))) as () => void;
    for (const receive of [throwing, rejecting]) valueOf(await engine.generate(ask({}), receive));
  });

  it('have all arrived before the answer', async () => {
    const { engine } = await loaded('lckv');
    let arrived = 0;
    const slow = (() =>
      new Promise((resolve) => setTimeout(resolve, 30)).then(() => arrived++)) as () => void;
    valueOf(await engine.generate(ask({}), slow));
    expect(arrived).toBeGreaterThan(4);
  });

  it('with statistics come at most a few times per second', async () => {
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
