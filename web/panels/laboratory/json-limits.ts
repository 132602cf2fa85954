import { LONGEST_EXPERIMENT } from '../../settings/hash.ts';

const common = { names: 10_000, nonFinite: false } as const;

/** What an experiment may cost to read: from a link, which is short, or from a file. */
export const linkLimits = { ...common, length: LONGEST_EXPERIMENT, values: 10_000, isFile: false } as const;
export const fileLimits = { ...common, length: 10_000_000, values: 100_000, isFile: true } as const;
