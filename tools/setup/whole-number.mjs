/** More of anything takes days, or more memory than there is. */
const MOST = 1_000_000;

/**
 * The number that an option of a command is.
 *
 * @param {string} name of the option, without its dashes
 * @param {string} text as it was given
 * @param {{ readonly min?: number, readonly max?: number }} [range] both ends included: 1 to a million
 * @returns {number}
 * @throws {Error} in words for the person who wrote it
 */
export function wholeNumber(name, text, { min = 1, max = MOST } = {}) {
  const number = Number(text);
  if (number > max) throw new Error(`--${name} is at most ${max}, not "${text}"`);
  if (text.trim() === '' || !Number.isInteger(number) || number < min) {
    throw new Error(`--${name} is a whole number above ${min - 1}, not "${text}"`);
  }
  return number;
}
