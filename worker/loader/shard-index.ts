import { isObject, show } from '../hostile-fields.ts';
import { BadJson, parseHostileJson } from '../hostile-json.ts';

/** What a `model.safetensors.index.json` says. */
export interface ShardIndex {
  /** Tensor name → shard. A shard is a plain file name: an index must not reach out of the model's folder. */
  readonly shardOf: ReadonlyMap<string, string>;
  /** `metadata.total_size`, which no loader relies on; null if it is not a number of bytes. */
  readonly totalBytes: number | null;
}

/** Why an index is refused. Whoever reads it adds the file's name. */
export class BadIndex extends Error {}

/** Enough for 200,000 tensors. */
const limits = { length: 64 * 2 ** 20, values: 250_000, names: 200_000, nonFinite: true, isFile: true };
const MAX_SHARDS = 5000;

/** @throws BadIndex */
export function parseIndex(text: string): ShardIndex {
  const json = parse(text);
  const map = isObject(json) ? json['weight_map'] : undefined;
  if (!isObject(json) || !isObject(map)) throw new BadIndex('it has no weight_map');
  const shardOf = new Map(
    Object.entries(map).map(([tensor, file]) => {
      if (typeof file === 'string' && file.length < 256 && /^\w[\w.-]*\.safetensors$/.test(file)) {
        return [tensor, file];
      }
      throw new BadIndex(`tensor ${show(tensor)}: ${show(file)} is not the name of a shard`);
    }),
  );
  if (shardOf.size === 0) throw new BadIndex('its weight_map names no tensor');
  const shards = new Set(shardOf.values()).size;
  if (shards > MAX_SHARDS) throw new BadIndex(`it names ${shards} shards, more than ${MAX_SHARDS}`);
  return { shardOf, totalBytes: readTotal(json['metadata']) };
}

function parse(text: string): unknown {
  try {
    return parseHostileJson(text, limits);
  } catch (error) {
    throw error instanceof BadJson ? new BadIndex(error.message, { cause: error }) : error;
  }
}

function readTotal(metadata: unknown): number | null {
  const total = isObject(metadata) ? metadata['total_size'] : undefined;
  return typeof total === 'number' && Number.isSafeInteger(total) && total >= 0 ? total : null;
}
