import type { RopeSpec } from '../../gpu/plan/rope.ts';
import type { HostileFields } from '../hostile-fields.ts';

/**
 * Reads how a model rotates: `rope_theta` and `rope_scaling`, or since transformers 5 `rope_parameters` for both.
 *
 * @param contextTokens `max_position_embeddings`, for a llama3 stretch that does not say what it stretches
 * @throws Refused with `bad-config` for a stretch that is not supported
 */
export function readRope(fields: HostileFields, contextTokens: number): RopeSpec {
  const place = fields.has('rope_parameters') ? 'rope_parameters' : 'rope_scaling';
  const scaling = fields.inner(place);
  for (const within of [fields, scaling]) refuseOtherRotations(within);

  const theta = scaling?.has('rope_theta')
    ? scaling.positive('rope_theta')
    : fields.positive('rope_theta', 10_000);
  if (!scaling) return { type: 'default', theta };

  // Older files call it `type`; where both stand, transformers reads `rope_type`.
  const type = scaling.text(scaling.has('rope_type') ? 'rope_type' : 'type', 'default');
  switch (type) {
    case 'default':
      return { type, theta };
    case 'linear':
      return { type, theta, factor: scaling.positive('factor') };
    case 'llama3': {
      const lowFreqFactor = scaling.positive('low_freq_factor');
      const highFreqFactor = scaling.positive('high_freq_factor');
      if (highFreqFactor <= lowFreqFactor) {
        scaling.refuse('high_freq_factor', `${highFreqFactor} is not above low_freq_factor`);
      }
      return {
        type,
        theta,
        factor: scaling.positive('factor'),
        lowFreqFactor,
        highFreqFactor,
        originalContextTokens: scaling.positive('original_max_position_embeddings', contextTokens),
      };
    }
    default:
      return fields.refuse(place, `the type "${type}" is none of default, linear, llama3`);
  }
}

function refuseOtherRotations(fields: HostileFields | null): void {
  if (fields && fields.number('partial_rotary_factor', 1) !== 1) {
    fields.refuse('partial_rotary_factor', 'only whole heads are rotated');
  }
  if (fields?.flag('rope_interleaved', false)) {
    fields.refuse('rope_interleaved', 'only the rotate-half convention is supported');
  }
}
