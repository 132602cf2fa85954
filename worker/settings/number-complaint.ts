import { outsideRange, type NumberRange } from '../../gpu/plan/number-range.ts';

/**
 * What to enter instead of a number, as a sentence.
 *
 * @param value null if the field is empty
 * @returns null if the number is in its range
 */
export function numberComplaint(value: number | null, range: NumberRange): string | null {
  if (value !== null && outsideRange(value, range) === null) return null;
  const { min, max, whole } = range;
  const kind = whole ? 'a whole number' : 'a number';
  return max === Number.MAX_SAFE_INTEGER
    ? `Enter ${kind} from ${min} up.`
    : `Enter ${kind} from ${min} to ${max.toLocaleString('en')}.`;
}
