/** The graphs run on ONNX Runtime's WebAssembly, in Node, and must agree with what Hugging Face's transformers wrote down. */
import { describe, expect, test } from 'vitest';
import { placeHere } from '../../../worker/text/place-here.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import type { WeightFormats } from '../../../gpu/numbers/matrix-format.ts';
import { greedy } from '../../../gpu/plan/sampling.ts';
import { openCpuBackend } from '../../../gpu/reference/backend.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import { succeed, valueOf } from '../../../worker/outcome.ts';
import { openGraph } from '../../support/run-graph.ts';
import { goldenHf, goldenHfFolder } from '../../support/golden.ts';

describe('the graph of a checkpoint that Hugging Face wrote', () => {
  test.each([
    ['qwen2-implicit-bias'],
    ['qwen3-like'],
    ['qwen3-yarn'],
    ['qwen3-mixed-windows'],
    ['mistral-window'],
    ['llama32-like-tied'],
    ['llama-biases-linear'],
    ['llama-llama3'],
  ])('gives the logits and the greedy tokens of transformers: %s', async (name) => {
    const { tokens, positions, logits, greedy: written } = await goldenHf(name);
    for (const [row, position] of positions.entries()) {
      const { feed } = await openGraph(goldenHfFolder(name));
      const given = await feed(tokens.slice(0, position + 1));
      const apart = Math.max(...given.map((value, i) => Math.abs(value - (logits[row]?.[i] ?? NaN))));
      expect(apart, `position ${position}`).toBeLessThan(1e-4);
    }
    const graph = await openGraph(goldenHfFolder(name));
    expect(await graph.greedy(tokens, written.length)).toEqual(written);
  });
});

describe('the graph of a shipped model', () => {
  const llama = 'public/models/fairy-llama';
  const prompt = [1, 430, 312, 262, 287];

  /** What kvtab's twin of its kernels writes with the same weights. */
  async function byKvtab(formats: Pick<WeightFormats, 'weights'>, count: number, folder = llama) {
    const engine = new Engine({
      openBackend: () => Promise.resolve(openCpuBackend()),
      openTextPlace: placeHere,
      openSource: (model) => succeed(openFolderSource(model)),
    });
    const load = { model: folder, backend: 'cpu', quantizeEmbeddings: true, ...formats } as const;
    valueOf(await engine.load(load, () => undefined));
    const { tokens } = valueOf(
      await engine.generate(
        {
          ...{ input: { turns: [prompt] }, config: {}, mode: 'sequential', kvPrecision: 'f32' },
          ...{ maxNewTokens: count, ignoreEos: true, sampling: greedy, logits: [], score: false },
          policy: { id: 'none' },
        },
        () => undefined,
      ),
    );
    return tokens;
  }

  test.each(['stored', 'q8', 'q4'] as const)('writes the tokens of kvtab, weights %s', async (weights) => {
    const graph = await openGraph(llama, { weights, quantizeEmbeddings: true });
    expect(await graph.greedy(prompt, 24)).toEqual(await byKvtab({ weights }, 24));
  });

  test('has the same 4-bit weights whether or not kvtab rounds their inputs', async () => {
    const [rounding, exact] = await Promise.all(
      (['w4a8', 'q4'] as const).map(async (weights) => {
        const { feed } = await openGraph(llama, { weights, quantizeEmbeddings: true });
        return feed(prompt);
      }),
    );
    expect(rounding).toEqual(exact);
  });

  test('computes with 16-bit numbers where that is asked for', async () => {
    const [single, half] = [await openGraph(llama), await openGraph(llama, { halves: true })];
    const [wanted, given] = [await single.feed(prompt), await half.feed(prompt)];
    const apart = wanted.map((value, i) => Math.abs(value - (given[i] ?? NaN)));
    expect(Math.max(...apart)).toBeGreaterThan(0);
    expect(Math.max(...apart)).toBeLessThan(0.1);
  });

  test('reads the prompt of a plan that reads above token by token', async () => {
    const folder = 'public/models/fairy-lckv';
    const graph = await openGraph(folder);
    for (const token of prompt.slice(0, -1)) await graph.feed([token]);
    expect(await graph.greedy(prompt.slice(-1), 12)).toEqual(
      await byKvtab({ weights: 'stored' }, 12, folder),
    );
  });
});
