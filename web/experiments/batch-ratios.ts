/** How many more sequences fit, and how much faster they are together, against the baseline: here and in the paper. */
import { median } from '../../worker/laboratory/statistics/moments.ts';
import { timedSizes, type Timed, type TimedSize } from './timed-sizes.ts';

/** Each number is that of the row over that of the baseline; of bytes it is the other way round. */
export interface BatchRatios {
  readonly label: string;
  /** How many sequences fit into the same memory. */
  readonly sequences: number;
  /** Throughput at each one's own largest batch that was timed. */
  readonly faster: number;
  /** KV bytes of a sequence: the baseline's over this row's. */
  readonly bytes: number;
}

/** Of the lengths that were timed first. Empty unless the baseline and another row were timed. */
export function batchRatios({
  names,
  ...timed
}: Timed & { readonly names: readonly string[] }): readonly BatchRatios[] {
  const rows = names.map((_, row) => factsOf(timedSizes(timed, row)));
  const [baseline] = rows;
  if (!baseline) return [];
  return names.flatMap((label, row) => {
    const facts = rows[row];
    if (!facts || row === 0) return [];
    return [
      {
        label,
        sequences: facts.largestBatch / baseline.largestBatch,
        faster: facts.throughput / baseline.throughput,
        bytes: baseline.kvBytes / facts.kvBytes,
      },
    ];
  });
}

function factsOf(sizes: readonly TimedSize[]) {
  const most = sizes.at(-1);
  const first = most?.rounds[0];
  if (!most || !first || first.largestBatch === 0) return null;
  return {
    largestBatch: first.largestBatch,
    throughput: median(most.tokensPerSec),
    kvBytes: first.kvBytesAllocated / first.places,
  };
}

interface PublishedRatios {
  readonly what: string;
  /** The KV of 3 layers is kept. */
  readonly w2: Omit<BatchRatios, 'label'>;
  /** The KV of 11 layers is kept. */
  readonly w10: Omit<BatchRatios, 'label'>;
}

const of = (sequences: number, faster: number, bytes: number) => ({ sequences, faster, bytes });

/**
 * Table 1 of LCKV (arXiv 2405.10637) against Llama, and the KV bytes of the plans. The 30B model that was offloaded to the
 * CPU is left out: a tab cannot do that.
 */
export const publishedRatios: readonly PublishedRatios[] = [
  { what: 'RTX 3090, 1.1B, 5 + 8187', w2: of(8, 2.89, 7.33), w10: of(2.48, 1.67, 2) },
  { what: 'RTX 3090, 1.1B, 5 + 2043', w2: of(4.81, 1.95, 7.33), w10: of(1.21, 1.41, 2) },
  { what: 'RTX 3090, 7B, 5 + 8187', w2: of(12, 4.74, 10.67), w10: of(4, 2.62, 2.91) },
  { what: 'RTX 3090, 7B, 2048 + 2048', w2: of(11.5, 3.01, 10.67), w10: of(4, 2.1, 2.91) },
  { what: 'RTX 3090, 7B, 5 + 2043', w2: of(12.8, 3.79, 10.67), w10: of(3.2, 2.24, 2.91) },
  { what: 'RTX 3090, 7B, 512 + 512', w2: of(10.56, 1.68, 10.67), w10: of(3.56, 1.69, 2.91) },
  { what: 'RTX 3090, 7B, 512 + 1024', w2: of(10.29, 2.31, 10.67), w10: of(2.29, 1.78, 2.91) },
  { what: 'A100, 7B, 2048 + 2048', w2: of(8.53, 2.98, 10.67), w10: of(2.8, 2.23, 2.91) },
  { what: 'A100, 30B, 2048 + 2048', w2: of(32, 7.68, 20), w10: of(8, 5.51, 5.45) },
];
