import { expect, inject } from 'vitest';
import { fc } from '../../support/seeded-properties.ts';

/** What is fuzzed, in tests/unit/fuzz/fuzz.spec.ts. Each kind gets an equal part of the time. */
export const kinds = [
  ...['headers', 'indices', 'configurations', 'tokenizers', 'templates', 'links', 'requests'],
] as const;

/** No input may take longer, whatever its kind. */
const LONGEST_MS = 5000;
/** Inputs of each kind that are tried in any case, and the same ones each time: a second or a few of work. */
const atLeast = {
  ...{ headers: 8000, indices: 1000, configurations: 400, tokenizers: 400, templates: 400 },
  ...{ links: 800, requests: 8000 },
} satisfies Readonly<Record<(typeof kinds)[number], number>>;
/** Inputs between two looks at the clock. */
const ROUND = 250;

/** Seconds for all kinds together: an hour in `npm run test:nightly`. Without them, the first inputs are all. */
const seconds = Number(process.env['KVTAB_FUZZ_SECONDS'] ?? 0);
/** The seed of the first round. */
const firstSeed = inject('seed');

const kindMs = (seconds * 1000) / kinds.length;

/** How long a test of one kind may take: the inputs of the first round are tried even if time is up. */
export const timeoutMs = kindMs + 240_000;

/** How an input ended: `ran`, or the code of its failure. */
export type End = string;

/**
 * Tries inputs until the time of their kind is up. Inputs of every kind must end in both ways, or they test little.
 * A failure names the seed of its round: set KVTAB_SEED to it.
 */
export async function fuzz<T>(
  kind: (typeof kinds)[number],
  inputs: fc.Arbitrary<T>,
  check: (input: T) => Promise<End> | End,
): Promise<void> {
  const endMs = performance.now() + kindMs;
  const ends = new Map<End, number>();
  let tried = 0;
  for (let round = 0; tried < atLeast[kind] || performance.now() < endMs; round++) {
    const numRuns = round === 0 ? atLeast[kind] : ROUND;
    const seed = (firstSeed + round) | 0;
    await fc.assert(
      fc.asyncProperty(inputs, async (input) => {
        const startMs = performance.now();
        const end = await check(input);
        expect(performance.now() - startMs).toBeLessThan(LONGEST_MS);
        ends.set(end, (ends.get(end) ?? 0) + 1);
      }),
      { seed, numRuns },
    );
    tried += numRuns;
  }
  const counts = [...ends].map(([end, count]) => `${count} ${end}`);
  console.log(`seed ${firstSeed}, ${tried} inputs: ${counts.join(', ')}`);
  expect(ends.get('ran') ?? 0).toBeGreaterThan(tried / 100);
  expect(tried - (ends.get('ran') ?? 0)).toBeGreaterThan(tried / 100);
}
