/**
 * The words around the panels: the header, the drop target, updates. The steps of the tour are in tour/steps.ts, and the
 * words of rare notices are fetched with them.
 */
export const words = {
  tagline: 'Edit which layers share keys and values; watch memory, speed and text.',
  settings: 'Settings',
  tabs: 'Parts of the page',
  tab: { write: 'Write', compare: 'Compare', throughput: 'Throughput', laboratory: 'Laboratory' },
  correct: (fields: string) => `Correct: ${fields}.`,
  fellBack: 'The model runs on the CPU instead.',
  runsAnyway: 'The model runs all the same.',
  drop: {
    target: 'Drop a model’s folder, or its files, to open it here',
    files: 'The dropped folder',
  },
  tour: {
    take: 'Take the tour, five steps',
    again: 'Tour',
    decline: 'No, thanks',
    count: (step: number, steps: number) => `Step ${step} of ${steps}`,
    back: 'Back',
    next: 'Next',
    busy: 'The model writes…',
    skip: 'Skip the tour',
    done: 'Done',
  },
} as const;
