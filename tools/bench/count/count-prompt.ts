import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import { kvRowBytes, type KvPrecision } from '../../../gpu/kv/usage.ts';
import { countDispatch } from './accesses.ts';
import type { NotedDispatch } from './counting-device.ts';

/** What reading a prompt costs. docs/measuring.md says what each figure means. */
export interface PromptCounts {
  readonly promptTokens: number;
  readonly dispatches: number;
  /** Fraction of the rows of all tiles of products that are rows of the prompt. */
  readonly usefulRows: number;
  /** Bytes of keys and values that attention asks for. */
  readonly keyValueBytes: number;
  /** These over a key and its value for every pair of a row and a key of the prompt, in every layer. */
  readonly keyValueFraction: number;
  /** Dispatches of products and of attention, by kernel. */
  readonly kernels: Readonly<Record<string, number>>;
}

/** Counts what was dispatched while a first prompt was read. */
export function countPrompt(
  noted: readonly NotedDispatch[],
  promptTokens: number,
  { dims, kvPrecision }: { readonly dims: ModelDims; readonly kvPrecision: KvPrecision },
): PromptCounts {
  const kernels = new Map<string, number>();
  let [used, taken, keyValueBytes, layers] = [0, 0, 0, 0];
  for (const each of noted) {
    const rowsHere = tileRowsOf(each);
    const attends = each.kernel.startsWith('attend');
    if (rowsHere === null && !attends) continue;
    kernels.set(each.kernel, 1 + (kernels.get(each.kernel) ?? 0));
    if (rowsHere !== null) {
      used += rowsOf(each);
      taken += each.workgroups[1] * rowsHere;
      continue;
    }
    // The rows of attention, whose table is too large to be kept.
    if (each.contents[3] === null) throw new Error(`a prompt of ${promptTokens} tokens is too long to count`);
    const { dispatch, access } = countDispatch(each);
    const { rows } = dispatch.step;
    if (each.kernel !== 'attend-many' && rows > 1) {
      throw new Error(
        `a prompt of ${promptTokens} tokens ends with ${rows} rows that attention takes one by one`,
      );
    }
    keyValueBytes += access.loads['kv']?.asked ?? 0;
    layers += rows / promptTokens;
  }
  const pairs = layers * promptTokens * promptTokens;
  return {
    promptTokens,
    dispatches: noted.length,
    usefulRows: used / taken,
    keyValueBytes,
    keyValueFraction: keyValueBytes / (pairs * kvRowBytes(dims, kvPrecision)),
    kernels: Object.fromEntries(kernels),
  };
}

/** Rows of a prompt in one tile; null if the kernel is no product. */
function tileRowsOf({ kernel, constants }: NotedDispatch): number | null {
  const { ROWS = 0, WG = 0 } = constants;
  switch (kernel) {
    case 'project-few':
      return ROWS;
    case 'project-many':
      return (ROWS * WG) / 16;
    case 'project-four':
      return 4;
    default:
      return null;
  }
}

/** Of the step, which is the last binding of a product. */
const rowsOf = ({ contents }: NotedDispatch) => contents.at(-1)?.getUint32(0, true) ?? 0;
