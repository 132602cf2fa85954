import type { PolicyKind } from './policy.ts';

/** Keeps everything that some reader can still see. */
export const none: PolicyKind = {
  id: 'none',
  fields: [],
  positions: ['absolute'],
  defaults: () => ({}),
  budget: () => null,
  scoring: null,
};
