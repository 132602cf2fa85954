import type { TokenWithText } from '../../worker/protocol/generate.ts';

/** A token made visible: marks for spaces and line ends, and its id if it has no text. */
export function printable({ id, text }: TokenWithText): string {
  if (text === '') return `⟨${id}⟩`;
  return text.replaceAll(' ', '␣').replaceAll('\n', '⏎').replaceAll('\t', '⇥').replaceAll('\r', '␍');
}

/** How surprising a token is, from 0 (certain) to 1 (one in a thousand, or less). */
export const shade = (probability: number): number =>
  Math.min(1, Math.max(0, -Math.log10(Math.max(probability, 1e-12)) / 3));

/** `37.2 %`; small probabilities get as many digits as they need. */
export function formatProbability(probability: number): string {
  const percent = 100 * probability;
  if (percent >= 1) return `${Math.round(10 * percent) / 10} %`;
  return percent < 1e-4 ? '< 0.0001 %' : `${Number(percent.toPrecision(2))} %`;
}
