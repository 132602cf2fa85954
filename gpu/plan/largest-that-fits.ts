/**
 * The largest whole number from 1 to `most` that fits; 0 if none does.
 *
 * @param fits whatever fits, every smaller number does
 */
export function largestThatFits(most: number, fits: (number: number) => boolean): number {
  let [found, tooMany] = [0, most + 1];
  while (tooMany - found > 1) {
    const middle = Math.floor((found + tooMany) / 2);
    if (fits(middle)) found = middle;
    else tooMany = middle;
  }
  return found;
}
