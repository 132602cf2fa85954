/** One thing to look at: where it is on the page, and what to know of it. */
export interface Step {
  /** Finds the element by what a person calls it. */
  readonly selector: string;
  readonly title: string;
  readonly words: string;
}

export const steps: readonly Step[] = [
  {
    selector: '.prompt',
    title: 'Write a beginning',
    words:
      'A language model runs in this tab, on your own GPU. Type a beginning and press Generate; it goes on from there.',
  },
  {
    selector: '[aria-label="Figures"]',
    title: 'Watch memory and speed',
    words:
      'The model keeps keys and values of everything it has read: the KV cache. The first figure says how much; the question mark beside each number tells what it means.',
  },
  {
    selector: '.paper',
    title: 'Read what it writes',
    words:
      'The text streams in here. The same seed gives the same text, so that a change you see is a change you made.',
  },
  {
    selector: '[aria-label="Settings"]',
    title: 'Share keys and values',
    words:
      'Layer types say whose keys and values each layer reads. Choose a preset, type, or drag one layer onto another in the picture, and generate again: less memory, and another text.',
  },
  {
    selector: '.parts',
    title: 'Look closer',
    words:
      'What each way of sharing saves and costs, charts, the probability of every token, how the passes of parallel mode converge, and up to four configurations side by side. Every run is kept in the table, with a link that opens it again.',
  },
];
