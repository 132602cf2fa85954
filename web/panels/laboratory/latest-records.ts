import type { ItemRecord } from '../../../worker/laboratory/records.ts';

/** The last record of each item. */
export function latestRecords(records: readonly ItemRecord[]): readonly ItemRecord[] {
  const byItem = new Map(
    records.map((record) => [`${record.row} ${record.measure} ${record.item}`, record] as const),
  );
  return [...byItem.values()];
}
