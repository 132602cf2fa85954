import { applyConfig } from '../loader/apply-config.ts';
import type { ModelConfig } from '../loader/model-config.ts';
import { valueOf } from '../outcome.ts';
import type { PlannedConfig } from '../protocol/export.ts';
import type { SharingConfig } from '../protocol/load.ts';
import { exportedConfig } from './exported-config.ts';

/**
 * The config.json of a loaded checkpoint under a plan.
 *
 * @param loaded   its configuration, and its config.json as it is written
 * @param changes  differences from the checkpoint's own configuration
 * @throws Refused with `bad-layer-types` or `bad-config`
 */
export function planConfig(
  loaded: { readonly config: ModelConfig; readonly configText: string },
  changes: Partial<SharingConfig>,
): PlannedConfig {
  const { config, configText } = loaded;
  const { layerCount } = config.dims;
  const stored = valueOf(applyConfig(config.stored, {}, layerCount));
  const wanted = valueOf(applyConfig(config.stored, changes, layerCount));
  const written = exportedConfig(configText, config, stored, wanted, null);
  return { ...written, storedType: config.family };
}
