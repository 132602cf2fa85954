import { visibleKeys, type Mask } from '../../gpu/kv/mask.ts';
import { attendHead } from '../../gpu/reference/attention.ts';
import { headsOf } from '../../gpu/reference/math.ts';

/** Copies the keys (`part` 0) or values (1) of the position into `into`: `[kvHeads × headDim]`. */
export type ReadKv = (position: number, part: 0 | 1, into: Float32Array) => void;

/**
 * The oracle's attention of one query row over the positions that its mask shows.
 *
 * @param q `[heads × headDim]`, rotated
 * @returns `[heads × headDim]`
 */
export function attend(
  q: Float32Array,
  position: number,
  mask: Mask,
  { kvHeads, headDim }: { readonly kvHeads: number; readonly headDim: number },
  read: ReadKv,
): Float32Array {
  const { from, to } = visibleKeys(position, mask);
  const rows = ([0, 1] as const).map((part) =>
    Array.from({ length: Math.max(0, to - from) }, (_, i) => {
      const row = new Float32Array(kvHeads * headDim);
      read(from + i, part, row);
      return headsOf(row, headDim);
    }),
  );
  const queries = headsOf(q, headDim);
  const groupSize = queries.length / kvHeads;
  const outputs = queries.map((query, head) => {
    const [keys = [], values = []] = rows.map((ofPart) =>
      ofPart.flatMap((heads) => heads[Math.floor(head / groupSize)] ?? []),
    );
    return attendHead(query, keys, values).output;
  });
  return Float32Array.from(outputs.flatMap((output) => [...output]));
}
