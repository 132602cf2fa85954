import { beforeAll, describe, expect, it } from 'vitest';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import { countToken, type TokenCounts } from '../../../tools/bench/count/count-token.ts';
import { overridesOf } from '../../../tools/bench/count/overrides.ts';
import { readArguments } from '../../../tools/bench/options.ts';

const openSource = (model: string) => openFolderSource(`public/models/${model}`);

function countWith(...args: readonly string[]): Promise<TokenCounts> {
  const { request, count } = readArguments(['--count', ...args]);
  if (!count) throw new Error('nothing is counted');
  return countToken(request, count, openSource);
}

const MiB = 2 ** 20;

describe('A count of TinyLlama in 4 bits at 1,024 tokens', () => {
  let counts: TokenCounts;
  beforeAll(async () => {
    counts = await countWith('--shape', '1.1b', '--weights', 'q4', '--context', '1024');
  });
  const kernelsOf = (name: string) => counts.kernels.filter(({ kernel }) => kernel === name);

  it('has five dispatches in a layer, and embedding, head and a sampler of three', () => {
    expect(counts.dispatches).toBe(5 * 22 + 5);
    expect(
      counts.kernels.map(({ kernel, rows, cols, dispatches }) => [kernel, rows, cols, dispatches]),
    ).toEqual([
      ['embed', 32000, 2048, 1],
      ['project-qkv', 2560, 2048, 22],
      ['attend-once', null, null, 22],
      ['project', 2048, 2048, 22],
      ['gate-up', 11264, 2048, 22],
      ['project', 2048, 5632, 22],
      ['project', 32000, 2048, 1],
      ['sample-scan', null, null, 1],
      ['sample-gather', null, null, 1],
      ['sample', null, null, 1],
    ]);
  });

  it('reads every matrix and every visible row from memory once', () => {
    const numbers = 22 * (2048 * (2048 + 512 + 2048) + 3 * 2048 * 5632) + 32000 * 2048;
    const kvBytes = 22 * 1024 * 2 * 4 * 64 * 2;
    const [attend] = kernelsOf('attend-once');
    expect(22 * (attend?.memoryBytes ?? 0)).toBeGreaterThan(kvBytes);
    expect(22 * (attend?.memoryBytes ?? 0)).toBeLessThan(1.01 * kvBytes);
    // 4 bits and a scale of 16 bits for 32 of them; activations and norms add less than a hundredth.
    const bytes = (numbers * 4.5) / 8 + kvBytes;
    expect(counts.memoryBytes).toBeGreaterThan(bytes);
    expect(counts.memoryBytes).toBeLessThan(1.01 * bytes);
    expect(counts.memoryBytes / MiB).toBeCloseTo(581.6, 0);
  });

  it.each(['1024', '32768'])(
    'asks caches for a fraction of the keys and values that attention reads: %s tokens',
    async (context) => {
      const { kernels } = await countWith('--shape', '1.1b', '--weights', 'q4', '--context', context);
      const attend = kernels.find(({ kernel }) => kernel === 'attend-once');
      const kvBytes = Number(context) * 2 * 4 * 64 * 2;
      expect(attend?.cacheBytes).toBeLessThanOrEqual(1.3 * kvBytes);
      // Eight values are under way at once, in each of 16 parts of the keys.
      expect(attend?.longestLoadChain).toBeLessThanOrEqual(64);
    },
  );

  it('asks caches for at most 1.5 times what it reads from memory', () => {
    expect(counts.cacheBytes / counts.memoryBytes).toBeLessThanOrEqual(1.5);
  });

  it('has two workgroups of a matrix for each of 46 cores', () => {
    const products = counts.kernels.filter(({ kernel, cols }) => kernel !== 'embed' && cols !== null);
    expect(products).toHaveLength(5);
    for (const { rows, workgroups } of products)
      expect(workgroups, `${String(rows)} rows`).toBeGreaterThanOrEqual(92);
  });

  it('takes a submit for every token, and a read-back for at least eight', () => {
    expect(counts.submitsPerToken).toBe(1);
    expect(counts.mapsPerToken).toBeLessThanOrEqual(1 / 8);
  });

  it('adds up its kernels', () => {
    for (const figure of ['memoryBytes', 'cacheBytes', 'barriers'] as const) {
      const sum = counts.kernels.reduce((total, kernel) => total + kernel.dispatches * kernel[figure], 0);
      expect(counts[figure]).toBe(sum);
    }
  });

  it('takes the kernels of a GPU, or those of a software adapter', async () => {
    expect(kernelsOf('gate-up')).toMatchObject([{ workgroups: 352, invocations: 352 * 256 }]);
    expect(kernelsOf('attend-once')).toMatchObject([{ workgroups: 4 * 16 }]);
    const software = await countWith(
      ...['--shape', '1.1b', '--weights', 'q4', '--context', '1024', '--tuning', 'software'],
    );
    expect(software.dispatches).toBe(6 * 22 + 3);
    expect(software.kernels.find(({ kernel }) => kernel === 'gate-up')).toMatchObject({ workgroups: 44 });
  });
});

describe.each(['hardware', 'software'])('A count of several sequences on %s', (tuning) => {
  const countBatch = (batch: number) =>
    countWith(
      ...['--shape', '6,64,96,4,2,16,160', '--weights', 'q4', '--context', '100'],
      ...['--tuning', tuning, '--batch', String(batch)],
    );

  it('has as many dispatches, and reads as many bytes of weights, as one sequence', async () => {
    const one = await countBatch(1);
    for (const batch of [2, 3, 8, 16, 32]) {
      const counts = await countBatch(batch);
      expect(counts.counted.batch).toBe(batch);
      expect(counts.dispatches).toBe(one.dispatches);
      expect(counts.weightBytes).toBe(one.weightBytes);
      expect(counts.submitsPerToken).toBeCloseTo(one.submitsPerToken / batch, 6);
      // Several texts read every step back, one text several steps together.
      expect(counts.mapsPerToken).toBeCloseTo(1 / batch, 6);
    }
  });

  it('reads the keys and values of every sequence', async () => {
    const attend = async (batch: number) =>
      (await countBatch(batch)).kernels.find(({ kernel }) => kernel.startsWith('attend'));
    const [one, eight] = [await attend(1), await attend(8)];
    expect(eight?.memoryBytes).toBe(8 * (one?.memoryBytes ?? 0));
    expect(eight?.workgroups).toBe(8 * (one?.workgroups ?? 0));
    expect(eight?.longestLoadChain).toBe(one?.longestLoadChain);
  });
});

it.each([
  ['4', 3.5],
  ['8', 2.3],
])(
  'A count of %s sequences of 135M in 4 bits asks caches for at most %d times the memory',
  async (batch, most) => {
    const counts = await countWith('--shape', '135m', '--weights', 'q4', '--batch', batch);
    // Beyond what memory delivers.
    expect(counts.cacheBytes / counts.memoryBytes).toBeLessThan(most);
  },
);

describe('A count of a prompt', () => {
  it.each([
    ['135m', 'f16'],
    ['1.1b', 'q4'],
  ])(
    'of 2,048 tokens asks for a key and a value once per 16 rows at most: %s in %s',
    async (shape, weights) => {
      const { prompt } = await countWith('--shape', shape, '--weights', weights, '--prefill', '2048');
      // Half of all pairs, those of the past, in tiles of at least 16 rows that share them.
      expect(prompt?.keyValueFraction).toBeLessThanOrEqual(1 / 16 / 1.9);
      expect(prompt?.usefulRows).toBe(1);
      // Of the last layer, only the last row is needed.
      expect(Object.keys(prompt?.kernels ?? {})).toEqual([
        'project-many',
        'attend-many',
        'project-few',
        'attend-once',
      ]);
    },
  );

  it('of few tokens has tiles of which at least half is used', async () => {
    for (const tokens of ['1', '5', '17', '64']) {
      const { prompt } = await countWith('--shape', '2,64,96,4,2,16,160', '--prefill', tokens);
      expect(prompt?.usefulRows).toBeGreaterThanOrEqual(0.5);
    }
  });

  it('of a wide model is read in chunks whose jobs a GPU ends soon', async () => {
    const { prompt } = await countWith('--shape', '2,4096,16384,32,8,128,160', '--prefill', '512');
    // 3 · 4096 · 16384 multiply-adds for each row: 128 of them, not 512, are at most 3e10.
    expect(prompt?.kernels['attend-many']).toBe(4);
  });

  it('through a window asks for no keys beyond it, and is there only if asked for', async () => {
    const shape = ['--shape', '2,64,96,4,2,16,160', '--prefill', '300'];
    const windowed = await countWith(...shape, '--layers', '0s_1s', '--window', '50');
    const full = await countWith(...shape, '--layers', '0_1');
    expect(windowed.prompt?.keyValueBytes).toBeLessThan((full.prompt?.keyValueBytes ?? 0) / 2);
    expect((await countWith('--context', '9')).prompt).toBeNull();
  });

  it('refuses a prompt that the model cannot hold, or that attention takes row by row', async () => {
    await expect(countWith('--prefill', '513')).rejects.toThrow('more than the 512 tokens');
    await expect(countWith('--prefill', '3')).rejects.toThrow('takes one by one');
    const long = ['--shape', '2,64,96,4,2,16,160', '--prefill', '20000'];
    await expect(countWith(...long)).rejects.toThrow('a prompt of 20000 tokens is too long to count');
  });
});

describe('A count', () => {
  it('grows with the text: keys, values and the rounds that read them, and nothing else', async () => {
    const [short, long] = await Promise.all(
      ['1024', '32768'].map((context) => countWith('--shape', '1.1b', '--context', context)),
    );
    const others = (counts: TokenCounts | undefined) =>
      counts?.kernels.filter(({ kernel }) => kernel !== 'attend-once');
    expect(others(long)).toEqual(others(short));
    const attend = (counts: TokenCounts | undefined) =>
      counts?.kernels.find(({ kernel }) => kernel === 'attend-once');
    expect(attend(long)?.memoryBytes).toBeCloseTo(32 * (attend(short)?.memoryBytes ?? 0), -6);
    // 16 tiles of keys instead of one.
    expect(attend(long)?.longestLoadChain).toBe(2 + 16 * ((attend(short)?.longestLoadChain ?? 0) - 2));
  });

  it('of a shipped model follows its plan: layers without KV of their own project none', async () => {
    const counts = await countWith('--model', 'fairy-lckv');
    expect(counts.counted).toMatchObject({ model: 'fairy-lckv', contextTokens: 256, capacityTokens: 512 });
    expect(counts.dispatches).toBe(8 * 5 + 5);
    expect(counts.kernels.filter(({ kernel }) => kernel.startsWith('project-'))).toMatchObject([
      { kernel: 'project-qkv', rows: 192 + 128, dispatches: 3 },
      { kernel: 'project-heads', rows: 192, dispatches: 5 },
    ]);
  });

  it('of a window sees no more keys than the window has', async () => {
    const shape = ['--shape', '2,64,96,4,2,16,160', '--context', '300'];
    const [windowed, full] = await Promise.all(
      ['0s_1s', '0_1'].map((layers) => countWith(...shape, '--layers', layers, '--window', '50')),
    );
    const kvBytes = (counts: TokenCounts | undefined) =>
      counts?.kernels.find(({ kernel }) => kernel === 'attend-once')?.memoryBytes ?? 0;
    expect(kvBytes(full) - kvBytes(windowed)).toBe((300 - 50) * 2 * 2 * 16 * 2);
  });

  it('of the first token of all sees one key', async () => {
    const counts = await countWith('--shape', '1,64,96,4,2,16,160', '--context', '1');
    expect(counts.kernels.find(({ kernel }) => kernel === 'attend-once')).toMatchObject({
      longestLoadChain: 4,
    });
  });

  it('leaves the embeddings as stored if asked to', async () => {
    const shape = ['--shape', '1,64,96,4,2,16,160', '--weights', 'q8', '--context', '8'];
    const [all, spared] = await Promise.all([countWith(...shape), countWith(...shape, '--no-embeddings')]);
    expect(all.counted.quantizeEmbeddings).toBe(true);
    expect(spared.counted.quantizeEmbeddings).toBe(false);
    expect(spared.memoryBytes).toBeGreaterThan(all.memoryBytes);
  });

  it('refuses a text that the model cannot hold', async () => {
    await expect(countWith('--context', '513')).rejects.toThrow(
      '--context 513 is more than the 512 tokens that the model can hold',
    );
  });

  it.each([
    [['--context', '8'], '--context goes with --count'],
    [['--tuning', 'software'], '--tuning goes with --count'],
    [['--count', '--batch', '1,2'], '--batch is a whole number above 0, not "1,2"'],
    [['--prefill', '8'], '--prefill goes with --count'],
    [['--count', '--tuning', 'fast'], '--tuning is hardware or software, not "fast"'],
    [['--count', '--prompt', '9'], '--count runs nothing: leave out --prompt'],
    [['--count', '--backend', 'cpu'], '--count runs nothing: leave out --backend'],
    [['--count', '--policy', 'h2o'], '--count counts a cache that keeps everything: leave out --policy'],
    [['--count', '--context', '0'], '--context is a whole number above 0, not "0"'],
  ])('refuses %j', (args, message) => {
    expect(() => readArguments(args)).toThrow(message);
  });
});

describe('Constants of a shader', () => {
  it('are the numbers that it sets by itself', () => {
    const source = `override WG: u32 = 64;       // invocations
override LANES: u32;
override EPS: f32 = 1e-5;
override ADD: bool = false;
override SPLITS: u32 = 1u;
override ALL: u32 = SPLITS * WG;`;
    expect([...overridesOf(source)]).toEqual([
      ['WG', 64],
      ['EPS', 1e-5],
      ['ADD', 0],
      ['SPLITS', 1],
    ]);
  });
});
