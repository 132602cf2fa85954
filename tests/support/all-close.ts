/**
 * Two numbers agree if they differ by at most `absolute + relative · |expected|`.
 * A plain number is absolute for numbers up to 1 and relative above, like the errors of float32.
 */
export type Tolerance = number | { readonly absolute: number; readonly relative: number };

/**
 * Compares two lists of numbers, and reports the first difference and the largest one.
 * NaN agrees with nothing. Infinities agree with themselves.
 *
 * @param what what the index counts, in the message
 * @throws with index, both numbers and the tolerance
 */
export function expectAllClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  what = 'index',
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${what}: ${actual.length} numbers where ${expected.length} were expected`);
  }
  const allowedAt = (wanted: number) =>
    typeof tolerance === 'number'
      ? tolerance * Math.max(1, Math.abs(wanted))
      : tolerance.absolute + tolerance.relative * Math.abs(wanted);
  let first: string | undefined;
  let wrong = 0;
  let worst = 0;
  for (let index = 0; index < expected.length; index++) {
    const got = actual[index] ?? NaN;
    const wanted = expected[index] ?? NaN;
    if (got === wanted) continue;
    const apart = Math.abs(got - wanted);
    if (apart <= allowedAt(wanted) && apart < Infinity) continue;
    first ??= `${what} ${index}: got ${got}, expected ${wanted}, tolerance ${allowedAt(wanted)}`;
    wrong++;
    // NaN counts as the largest difference.
    worst = Number.isNaN(apart) ? Infinity : Math.max(worst, apart);
  }
  if (first === undefined) return;
  throw new Error(`${first}; ${wrong} of ${expected.length} numbers are wrong, by at most ${worst}`);
}
