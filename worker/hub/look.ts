/** What can be said of a model before its weights are downloaded. */
import type { ElementType } from '../../gpu/numbers/element-type.ts';
import { weightCount } from '../../gpu/numbers/weight-bytes.ts';
import { applyConfig } from '../loader/apply-config.ts';
import { parseConfigJson } from '../loader/config-json.ts';
import { CONFIG, parseModelConfig, type ModelConfig } from '../loader/model-config.ts';
import { valueOf } from '../outcome.ts';
import type { LookedConfig } from '../protocol/hub.ts';
import { ask, type AskOptions } from './ask.ts';
import type { HubServer } from './hub-requests.ts';
import { KERNELS, type Listing } from './listing.ts';

/** Larger than any real one. */
const LARGEST_CONFIG_BYTES = 2 ** 20;

/**
 * Reads the config.json of a listed model, and no other file of it.
 *
 * @param server of the repository, under the name that it gave the repository itself
 * @throws Refused with `bad-config` for a model that kvtab cannot run; `download-failed`, `hub-refused` or `cancelled`
 */
export async function lookIntoConfig(
  server: HubServer,
  listing: Listing,
  options: AskOptions,
): Promise<LookedConfig> {
  const path = `${listing.repository}/resolve/${listing.commit}/${CONFIG}`;
  const question = { path, file: CONFIG, maxBytes: LARGEST_CONFIG_BYTES };
  const config = valueOf(parseModelConfig(await ask(server, question, parseConfigJson, options)));
  return { dims: config.dims, stored: config.stored, storedAs: typeOf(config, listing) };
}

/** The type of the weights, by what their files weigh: a config.json may name another one. */
function typeOf({ dims, stored }: ModelConfig, { files }: Listing): ElementType {
  const { layers } = valueOf(applyConfig(stored, {}, dims.layerCount)).sharing;
  const bytes = files
    .filter(({ name }) => name.endsWith('.safetensors') && name !== KERNELS)
    .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return bytes / weightCount({ dims, storedLayers: layers }) < 3 ? 'bf16' : 'f32';
}
