import { Refused } from '../outcome.ts';

/**
 * The most numbers that one field of a result may hold. They cross between threads, and become 20 characters each in
 * JSON, of which a string in V8 holds 2^29.
 */
const MOST_NUMBERS = 2 ** 24;

/**
 * Refuses a result that nobody could read, before it is computed.
 *
 * @param field  of the request
 * @param what   is counted, in the plural
 * @param count  how many of them
 * @param numbersOfEach at least so many
 * @throws Refused with `bad-request`
 */
export function refuseTooMany(field: string, what: string, count: number, numbersOfEach: number): void {
  const most = Math.floor(MOST_NUMBERS / numbersOfEach);
  if (count <= most) return;
  const reason = `${count} ${what} of ${numbersOfEach} numbers each are more than one answer can hold; ask for at most ${most}`;
  throw new Refused({ code: 'bad-request', field, reason });
}
