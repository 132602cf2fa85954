import type { SequenceResult } from '../../../worker/protocol/sequences.ts';

/** The words of several texts side by side. */
export const sideWords = {
  label: 'Side by side',
  title: (count: number) => `${count} continuations side by side`,
  about:
    'They differ in their seeds alone, and are written together: the weights are read once for all of them. The one that you choose becomes the text in Output and of this run, and its seed that of the page.',
  text: (number: number) => `Continuation ${number}`,
  seed: (seed: number) => `seed ${seed}`,
  ends: {
    length: (tokens: string) => tokens,
    'end-of-text': (tokens: string) => `${tokens}, ended by itself`,
    stopped: (tokens: string) => `stopped after ${tokens}`,
  } satisfies Record<SequenceResult['end'], (tokens: string) => string>,
  choose: 'Choose',
  chooseThis: (number: number) => `Choose continuation ${number}`,
  isThis: (number: number) => `Continuation ${number} is in Output`,
  isOutput: 'In Output',
} as const;
