import type { PolicyKind } from './policy.ts';

/** Keeps everything that some reader can still see. */
export const none: PolicyKind = {
  id: 'none',
  label: 'None: keep everything',
  words: {
    keeps: 'Every row that some reader can still see.',
    loses: 'Nothing: the text is exact.',
    published: null,
  },
  fields: [],
  positions: ['absolute'],
  defaults: () => ({}),
  budget: () => null,
  scoring: null,
};
