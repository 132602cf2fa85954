import { isObject, show } from '../hostile-fields.ts';
import { duplicateKey } from './duplicate-key.ts';

/** What a `model.safetensors.index.json` says. */
export interface ShardIndex {
  /** Tensor name → shard. Shards are plain file names: an index is not to reach out of the model's folder. */
  readonly shardOf: ReadonlyMap<string, string>;
  /** Bytes of all tensors; null where the index does not say. */
  readonly totalBytes: number | null;
}

/** Why an index is refused. The loader adds the file's name. */
export class BadIndex extends Error {}

/** @throws BadIndex */
export function parseIndex(text: string): ShardIndex {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new BadIndex('it is not JSON');
  }
  const twice = duplicateKey(text);
  if (twice !== null) throw new BadIndex(`it names ${show(twice)} twice`);
  const map = isObject(json) ? json['weight_map'] : undefined;
  if (!isObject(json) || !isObject(map)) throw new BadIndex('it has no weight_map');
  const shardOf = new Map(
    Object.entries(map).map(([tensor, file]) => {
      if (typeof file === 'string' && /^\w[\w.-]*\.safetensors$/.test(file)) return [tensor, file];
      throw new BadIndex(`tensor ${show(tensor)}: ${show(file)} is not the name of a shard`);
    }),
  );
  return { shardOf, totalBytes: readTotal(json['metadata']) };
}

/** Some writers leave it out; one that is there must be a size. */
function readTotal(metadata: unknown): number | null {
  const total = isObject(metadata) ? metadata['total_size'] : undefined;
  if (total === undefined) return null;
  if (typeof total === 'number' && Number.isSafeInteger(total) && total >= 0) return total;
  throw new BadIndex(`its total_size ${show(total)} is not a number of bytes`);
}
