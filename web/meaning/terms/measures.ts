import type { Meaning } from '../meaning.ts';
import { cellRows, chances, curves, of, timeline } from '../sketch.ts';

const two = () =>
  chances(
    'Outlined, how likely one finds each token; filled, how likely the other does',
    [0.45, 0.25, 0.15, 0.1, 0.05],
    [0.3, 0.35, 0.1, 0.15, 0.1],
  );

/** What experiments and comparisons measure, and what healing does. */
export const measures = {
  'Quality against KV': {
    why: 'Saving memory is easy if the text may get worse. This shows what each way of sharing saves, and what it costs.',
    text: 'How many bits the model needs per byte of tales that it was not trained on, given the text before: the fewer, the better it predicts. Measured by kvtab itself, in sequential mode, on windows of 255 tokens. The card of each model has both modes and the result of PyTorch. The dotted line joins the models that no other beats in both memory and quality.',
    sketch: () =>
      curves('The less is kept, the more bits a byte needs', [
        { look: 'held', values: [0.95, 0.6, 0.42, 0.33, 0.28, 0.25] },
      ]),
    formula: 'bits per byte = − Σ log₂ p(token) / bytes of the text',
  },
  'Healing beside the family': {
    why: 'A plan can be trained after the fact. This shows how near that comes to a model that was trained for its plan.',
    text: 'Models that were healed on this device, and the one that is being healed, beside the models that ship. All were measured alike: each in the passes of its own plan, in float32, on 8 windows of 256 tokens of a book that none of them was trained on. So few windows tell differences of a hundredth, and the numbers differ from those of the chart above, which has other books.',
    sketch: () =>
      curves('Each step of a healing needs fewer bits a byte', [
        { look: 'held', values: [0.95, 0.7, 0.55, 0.47, 0.42, 0.4] },
      ]),
    formula: 'bits per byte = − Σ log₂ p(token) / bytes of the text',
  },
  'Sharing and policies against KV': {
    why: 'There are two ways to a smaller cache. On one scale they can be compared.',
    text: 'Two ways of saving memory on one scale: to share keys and values between layers, which a model is trained for, and to evict rows, which any model bears more or less. Each model’s dot keeps everything. From the chosen one, a line leads to ever smaller budgets of a policy: 64, 32 and 12 rows; a dashed line has the state of LESS in addition, whose bytes count. Only the tokens after a prompt count, fed under the policy, so the numbers differ from those of the chart above.',
    sketch: () =>
      curves('The less is kept, the more bits a byte needs', [
        { look: 'held', values: [0.95, 0.6, 0.42, 0.33, 0.28, 0.25] },
      ]),
    formula: 'KV = rows · (keys, values, score, position) + states, in f16, after a whole window',
  },
  'Distance from exact': {
    why: 'Parallel mode is faster. This tells whether it still predicts the same.',
    text: 'Sequential mode defines the model. Parallel mode approximates it if too few passes run. Both predict the next token at each position. KL is the number of nats lost by using the approximation; 0 means the same prediction. Agreement is how often both find the same token likeliest.',
    sketch: two,
    formula: 'KL = Σ over tokens of p exact · (log p exact − log p parallel)',
  },
  Agreement: {
    why: 'It is the plainest answer to: would this configuration have written the same?',
    text: 'Every other configuration reads the first one’s text, token by token (teacher forcing), and predicts each next token. Top-1 agreement is the fraction of positions at which its likeliest token is also the first one’s.',
    sketch: () =>
      cellRows('Positions at which both have the same likeliest token', [
        { name: 'same', cells: of([5, 'held'], [1, 'warm'], [4, 'held'], [1, 'warm'], [3, 'held']) },
      ]),
    formula: 'positions with the same likeliest token / positions',
  },
  'KL per position': {
    why: 'Two texts may differ from one word on and still be equally good. KL compares the predictions instead.',
    text: 'How far a configuration’s prediction of the next token is from the first one’s, on the first one’s text, in nats. 0 means the same prediction; 0.69 is the distance between a fair coin and one that always lands on the same side.',
    sketch: two,
    formula: 'KL = Σ over tokens of p first · (log p first − log p this)',
  },
  'Bits per byte': {
    why: 'A model that understands a text can predict it. The fewer bits it needs for each byte, the better; and models with other tokenizers can be compared, too.',
    sketch: () =>
      chances(
        'A likely token costs few bits, an unlikely one many',
        [0.5, 0.25, 0.125, 0.125],
        [0.5, 0.25, 0.125, 0.125],
        ['1 bit', '2 bits', '3 bits', '3 bits'],
      ),
    formula: 'bits per byte = − Σ log₂ p(token) / bytes of the text; perplexity = 2^(bits per token)',
  },
  Throughput: {
    why: 'Weights are read from memory once for all texts that are written together. So a server’s speed depends on how many texts fit, and that depends on their KV.',
    sketch: () =>
      timeline('One text has to wait for all weights; several share one reading', [
        {
          name: '1 text',
          blocks: [
            [8, 'pale'],
            [1, 'held'],
          ],
        },
        {
          name: '4 texts',
          blocks: [
            [8, 'pale'],
            [1, 'held'],
            [1, 'held'],
            [1, 'held'],
            [1, 'held'],
          ],
        },
      ]),
    formula: 'tokens per second = texts · steps per second',
  },
  'Memory budget, MiB': {
    why: 'How many texts fit at once is what sharing KV pays for.',
    sketch: () =>
      timeline('Weights take their part of the memory, and texts share the rest', [
        {
          name: 'memory',
          blocks: [
            [4, 'warm'],
            [2, 'held'],
            [2, 'held'],
            [2, 'held'],
            [2, 'pale'],
          ],
        },
      ]),
    formula: 'texts = ⌊(budget − weights − scratch) / KV of a text⌋',
  },
  'Memory budget': {
    why: 'The same memory holds a longer text, or more of them, if each takes less.',
    sketch: () =>
      timeline('Texts share the memory', [
        {
          name: 'memory',
          blocks: [
            [2, 'held'],
            [2, 'held'],
            [2, 'held'],
            [1, 'pale'],
          ],
        },
      ]),
    formula: 'texts = ⌊budget / KV of a text⌋',
  },
  'Time at most': {
    why: 'Large batches take long to time. They can be counted without that.',
    sketch: () =>
      timeline('Small batches are timed, larger ones only counted', [
        {
          name: 'texts',
          blocks: [
            [1, 'held'],
            [2, 'held'],
            [4, 'held'],
            [8, 'gone'],
          ],
        },
      ]),
    formula: 'batches of 1, 2, 4, 8, … texts, up to this',
  },
  Rounds: {
    why: 'A single timing may have met a busy machine. Several show how far they scatter.',
    sketch: () =>
      timeline('Plans take turns, forward and backward', [
        {
          name: 'round 1',
          blocks: [
            [2, 'held'],
            [2, 'warm'],
            [2, 'pale'],
          ],
        },
        {
          name: 'round 2',
          blocks: [
            [2, 'pale'],
            [2, 'warm'],
            [2, 'held'],
          ],
        },
      ]),
    formula: 'figure = median of the rounds',
  },
  Train: {
    why: 'A plan that a model was not trained for averages its key and value projections. Training finds better ones.',
    text: 'Only these projections, which are few weights and little memory; or all weights, which gets closer.',
    sketch: () =>
      timeline('Key and value projections are a small part of the weights', [
        {
          name: 'weights',
          blocks: [
            [1, 'held'],
            [11, 'pale'],
          ],
        },
      ]),
    formula: 'weights −= learning rate · gradient of the loss',
  },
  Steps: {
    why: 'Each step makes the text a little better and takes the same time. The first ones help most.',
    sketch: () =>
      curves('Held-out bits per byte fall fast, then slowly', [
        { look: 'held', values: [1, 0.6, 0.45, 0.38, 0.34, 0.32, 0.31] },
      ]),
    formula: 'tokens read = steps · 1,024',
  },
} satisfies Readonly<Record<string, Meaning>>;
