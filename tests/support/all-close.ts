/**
 * Two numbers agree where they differ by at most `absolute + relative · |expected|`.
 * A number alone is absolute for numbers up to 1 and relative above, as float32's own errors are.
 */
export type Tolerance = number | { readonly absolute: number; readonly relative: number };

/**
 * Compares two lists of numbers, and says where they first part and how far they are apart at worst.
 * NaN agrees with nothing; infinities agree with themselves.
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
    // NaN is further apart than any number.
    worst = Number.isNaN(apart) ? Infinity : Math.max(worst, apart);
  }
  if (first === undefined) return;
  throw new Error(`${first}; ${wrong} of ${expected.length} numbers are wrong, by at most ${worst}`);
}
