import { samplingRanges } from './sampling-ranges.ts';

/** As many seeds as texts, from this one on. After the largest whole number comes 0. */
export const seedsFrom = (seed: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) =>
    seed <= samplingRanges.seed.max - i ? seed + i : i - (samplingRanges.seed.max - seed) - 1,
  );
