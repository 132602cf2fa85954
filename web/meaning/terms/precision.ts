import type { Meaning } from '../meaning.ts';
import { cellRows, levels, of, timeline } from '../sketch.ts';

const bits: Readonly<Record<string, string>> = {
  f32: '32 bits',
  f16: '16 bits',
  q8: '8 bits, and 16 for each 32 weights: 8.5',
  q4: '4 bits, and 16 for each 32 weights: 4.5',
  w4a8: '4 bits, and 16 for each 32 weights: 4.5; 8 bits of each input',
};

/** What computes, and in how many bits. */
export const precision = {
  Backend: {
    why: 'A GPU computes thousands of numbers at once. Without one, the processor does it, and the page says so.',
    text: 'Both compute the same: tests hold each to the same numbers.',
    sketch: () =>
      timeline('A processor works on a few numbers at a time, a GPU on many', [
        { name: 'CPU', blocks: Array.from({ length: 8 }, () => [1, 'pale'] as const) },
        { name: 'WebGPU', blocks: [[1.4, 'held']] },
      ]),
    formula: 'speed ≈ bytes of weights per second / bytes of weights',
  },
  Weights: {
    why: 'To write a token, every weight is read from memory. Half the bytes take half the time, and half the room.',
    text: '8-bit and 4-bit weights are quantized: groups of them share a scale, and each is rounded to one of few levels. With “4-bit × 8-bit”, what they are multiplied with is rounded too: a processor may read prompts faster, and the text may differ.',
    sketch: () =>
      levels('With fewer bits there are fewer levels to round to', [
        { name: '8-bit', count: 60 },
        { name: '4-bit', count: 16 },
      ]),
    formula: 'weight ≈ scale of its group · whole number',
    now: ({ weights }) => bits[weights] ?? null,
  },
  'Embeddings and head too': {
    why: 'In a small model the table of tokens is a large part of all weights. Rounding it saves memory and costs some quality.',
    sketch: () =>
      timeline('The embeddings and the head are a part of the weights', [
        {
          name: 'weights',
          blocks: [
            [2, 'warm'],
            [5, 'pale'],
            [2, 'warm'],
          ],
        },
      ]),
    formula: 'embeddings = vocabulary · hidden size',
  },
  Workgroup: {
    why: 'To decode a token a GPU reads every weight once. How many matrix rows one group of its processors takes decides how busy all of them are, and each GPU likes another number.',
    text: 'Automatic tries the numbers on the model’s own weights when it is loaded, in a fraction of a second, and remembers the fastest for this GPU and model. A software adapter is not measured, and the CPU backend has no choice. Every sum keeps its order.',
    sketch: () =>
      cellRows('More rows in a group share what it loads; fewer rows make more groups', [
        { name: '32 rows', cells: of([4, 'held'], [4, 'pale'], [4, 'held']) },
        {
          name: '16 rows',
          cells: of([2, 'held'], [2, 'pale'], [2, 'held'], [2, 'pale'], [2, 'held'], [2, 'pale']),
        },
      ]),
    formula: 'groups = matrix rows / rows of a group, but at least 128 where the matrix allows',
  },
  'KV precision': {
    why: 'The cache grows with every token and every user. Numbers of half the size halve it, and hardly change the text.',
    sketch: () =>
      levels('f16 has fewer levels than f32', [
        { name: 'f32', count: 80 },
        { name: 'f16', count: 40 },
      ]),
    formula: 'bytes of a row = 2 · KV heads · head size · bytes per number',
    now: ({ kvHeads, headDim, kvBytes }) =>
      kvHeads === null || headDim === null
        ? null
        : `2 · ${kvHeads} · ${headDim} · ${kvBytes} = ${2 * kvHeads * headDim * kvBytes} bytes`,
  },
} satisfies Readonly<Record<string, Meaning>>;
