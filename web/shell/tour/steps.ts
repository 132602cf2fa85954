import type { ModelFacts } from '../../../worker/protocol/load.ts';

/** One step: a part of the page, and what to know about it. */
export interface Step {
  /** Finds the part that the step is about. */
  readonly selector: string;
  readonly title: string;
  readonly text: string;
}

/** @param adapter what computes; null while no model is loaded */
export const stepsFor = (adapter: ModelFacts['adapter'] | null): readonly Step[] => [
  {
    selector: '.prompt',
    title: 'Write the start of a text',
    text: `A language model runs in this tab, on ${processorOf(adapter)}. Type the start of a text and press Generate; the model continues it.`,
  },
  {
    selector: '.paper',
    title: 'Read what it writes',
    text: 'The text appears here while the model writes. The same seed gives the same text, so every difference comes from a change that you made.',
  },
  {
    selector: '[aria-label="Figures"]',
    title: 'Watch memory and speed',
    text: 'The model keeps keys and values of everything it has read: the KV cache. The first figure shows its size. The question mark beside each number explains it.',
  },
  {
    selector: '[aria-label="Settings"]',
    title: 'Share keys and values',
    text: 'Layer types say whose keys and values each layer reads. Choose a preset, edit the text, or drag one layer onto another in the picture. Then generate again and compare memory and text.',
  },
  {
    selector: '.workbench',
    title: 'Look closer',
    text: 'Here are charts, the probability of every token, and how the passes of parallel mode converge. The table keeps every run, with a link that opens it again. The tabs at the top compare plans, show how many texts fit into memory at once, and measure quality in experiments.',
  },
];

function processorOf(adapter: ModelFacts['adapter'] | null): string {
  if (adapter === null) return 'your own machine';
  return adapter.backend === 'webgpu' && !adapter.software ? 'your own GPU' : 'your own processor';
}
