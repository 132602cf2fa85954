import type { Origin } from '../../playground/sampling-advice.svelte.ts';

/** Where a value comes from. */
export const origins = {
  default: "Source: kvtab's default",
  you: 'Source: you',
  link: 'Source: this link',
  authors: "Source: the model's authors",
  transformers: "Source: transformers' default",
} as const satisfies Record<Origin, string>;
