import { isRecord } from './is-record.ts';

/** Bits per byte of the shipped models, by id, as a healing on the sample measures them. */
export type FamilyOnSample = ReadonlyMap<string, number>;

/** Empty if they cannot be fetched: nothing can then stand beside a healing. */
export async function fetchFamilyOnSample(pageUrl: string): Promise<FamilyOnSample> {
  try {
    const response = await fetch(new URL('healing/family.json', pageUrl));
    return response.ok ? readFamilyOnSample(await response.json()) : new Map();
  } catch {
    return new Map();
  }
}

/** Without the entries that cannot be read. */
export function readFamilyOnSample(json: unknown): FamilyOnSample {
  const listed = isRecord(json) && isRecord(json['bitsPerByte']) ? json['bitsPerByte'] : {};
  return new Map(
    Object.entries(listed).filter(
      (entry): entry is [string, number] => typeof entry[1] === 'number' && entry[1] > 0,
    ),
  );
}
