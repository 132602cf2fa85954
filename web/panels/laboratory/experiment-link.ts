import { escapeValue, EXPERIMENT, HASH_VERSION, LONGEST_EXPERIMENT } from '../../settings/hash.ts';

/** An experiment as the part of an address after `#`; null if it is too long for one. */
export function experimentHash(json: Readonly<Record<string, unknown>>): string | null {
  const text = JSON.stringify(json);
  if (text.length > LONGEST_EXPERIMENT) return null;
  return `v=${HASH_VERSION}&${EXPERIMENT}=${escapeValue(text)}`;
}
