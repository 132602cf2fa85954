import type { Passes } from '../../gpu/plan/forward-plan.ts';
import { parseLayerTypes } from '../../gpu/plan/layer-types.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import { brief } from '../hostile-fields.ts';
import { fail, succeed } from '../outcome.ts';
import type { Outcome } from '../protocol/failure.ts';
import type { SharingConfig } from '../protocol/load.ts';

/** What a signed 32-bit number on the GPU can hold. */
export const MAX_POSITIONS = 2 ** 31 - 1;
/** Far more passes than anybody would wait for. */
export const MAX_PASSES = 100_000;

/**
 * The sharing that a run uses: the checkpoint's own, with some fields replaced by the user's.
 *
 * @param freeze whether passes leave out what no longer moves: gpu/kv/freezing.ts
 * @returns `bad-layer-types` with the layer, or `bad-config` with the field's name in config.json
 */
export function applyConfig(
  stored: SharingConfig,
  overrides: Partial<SharingConfig>,
  layerCount: number,
  freeze = false,
): Outcome<{ readonly sharing: Sharing; readonly passes: Passes }> {
  const layerTypes = overrides.layerTypes ?? stored.layerTypes;
  const windowTokens = overrides.slidingWindow ?? stored.slidingWindow;
  const forward = overrides.forwardPasses ?? stored.forwardPasses;
  const backward = overrides.backwardPasses ?? stored.backwardPasses;
  const forceNodiag = overrides.forceNodiag ?? stored.forceNodiag;

  const layers = parseLayerTypes(layerTypes, layerCount);
  if (!layers.ok) return fail({ code: 'bad-layer-types', at: layers.at, reason: brief(layers.reason) });

  const complaint =
    outside('sliding_window', windowTokens, 1, MAX_POSITIONS) ??
    outside('forward_passes', forward, 0, MAX_PASSES) ??
    outside('backward_passes', backward, 0, MAX_PASSES);
  if (complaint) return complaint;
  if (forward + backward < 1) {
    const reason = 'with backward_passes there must be at least one pass';
    return fail({ code: 'bad-config', file: null, field: 'forward_passes', reason });
  }
  return succeed({
    sharing: { layers: layers.value, windowTokens, forceNodiag },
    passes: { forward, backward, freeze },
  });
}

function outside(field: string, value: number, min: number, max: number) {
  if (!Number.isInteger(value))
    return fail({ code: 'bad-config', file: null, field, reason: `${value} is not a whole number` });
  if (value < min) return fail({ code: 'bad-config', file: null, field, reason: `${value} is below ${min}` });
  if (value > max) return fail({ code: 'bad-config', file: null, field, reason: `${value} is above ${max}` });
  return null;
}
