import type { RopeSpec } from '../../gpu/plan/rope.ts';
import { yarnAttentionFactor } from '../../gpu/plan/yarn.ts';
import { isObject, show, type HostileFields } from '../hostile-fields.ts';

const DEFAULT_THETA = 10_000;
const types = ['default', 'linear', 'llama3', 'yarn'] as const;

/**
 * Reads how a model rotates: `rope_theta` and `rope_scaling`, or since transformers 5 `rope_parameters` for both.
 * If a file has both, `rope_scaling` counts, as there.
 *
 * @param contextTokens `max_position_embeddings`, for a stretch that does not name its original context
 * @throws Refused with `bad-config` for a stretch that is not supported
 */
export function readRope(fields: HostileFields, contextTokens: number): RopeSpec {
  const place = ropePlace(fields);
  const scaling = fields.inner(place);
  refuseOtherRotations(fields);
  if (scaling) refuseOtherRotations(scaling);

  const theta = scaling?.has('rope_theta')
    ? scaling.positive('rope_theta')
    : fields.positive('rope_theta', DEFAULT_THETA);
  if (!scaling) return { type: 'default', theta };

  // Older files call it `type`; if a file has both, transformers reads `rope_type`.
  const name = scaling.text(scaling.has('rope_type') ? 'rope_type' : 'type', 'default');
  const type = types.find((known) => known === name);
  // transformers prefers the one outside.
  const outside = fields.has('original_max_position_embeddings') ? fields : scaling;
  const originalContextTokens = () => outside.positive('original_max_position_embeddings', contextTokens);
  switch (type) {
    case 'default':
      return { type, theta };
    case 'linear':
      return { type, theta, factor: scaling.positive('factor') };
    case 'llama3':
      return readLlama3(scaling, theta, originalContextTokens());
    case 'yarn':
      if (theta <= 1) fields.refuse('rope_theta', `${theta} is not above 1`);
      return readYarn(scaling, theta, originalContextTokens(), contextTokens);
    case undefined:
      return fields.refuse(place, `the type ${show(name)} is none of ${types.join(', ')}`);
  }
}

/** The field that says how a model stretches its rotation. */
export const ropePlace = (fields: HostileFields) =>
  isEmpty(fields.raw('rope_scaling')) ? 'rope_parameters' : 'rope_scaling';

function readLlama3(scaling: HostileFields, theta: number, originalContextTokens: number): RopeSpec {
  const lowFreqFactor = scaling.positive('low_freq_factor');
  const highFreqFactor = scaling.positive('high_freq_factor');
  if (highFreqFactor <= lowFreqFactor) {
    scaling.refuse('high_freq_factor', `${highFreqFactor} is not above low_freq_factor`);
  }
  const factor = scaling.positive('factor');
  return { type: 'llama3', theta, factor, lowFreqFactor, highFreqFactor, originalContextTokens };
}

function readYarn(
  scaling: HostileFields,
  theta: number,
  originalContextTokens: number,
  contextTokens: number,
): RopeSpec {
  const factor = scaling.positive('factor', contextTokens / originalContextTokens);
  const betaFast = scaling.positive('beta_fast', 32);
  const betaSlow = scaling.positive('beta_slow', 1);
  if (betaFast < betaSlow) scaling.refuse('beta_fast', `${betaFast} is below beta_slow`);
  const mscale = scaling.number('mscale', 0);
  const allDim = scaling.number('mscale_all_dim', 0);
  return {
    ...{ type: 'yarn', theta, factor, betaFast, betaSlow, originalContextTokens },
    truncate: scaling.flag('truncate', true),
    attentionFactor: scaling.positive(
      'attention_factor',
      yarnAttentionFactor(factor, mscale && allDim ? { mscale, allDim } : null),
    ),
  };
}

function refuseOtherRotations(fields: HostileFields): void {
  if (fields.number('partial_rotary_factor', 1) !== 1) {
    fields.refuse('partial_rotary_factor', 'only whole heads are rotated');
  }
  if (fields.flag('rope_interleaved', false)) {
    fields.refuse('rope_interleaved', 'only the rotate-half convention is supported');
  }
  if (fields.flag('use_mrope', false)) fields.refuse('use_mrope', 'only positions in a text are supported');
  if (fields.has('mrope_section')) fields.refuse('mrope_section', 'only positions in a text are supported');
  for (const kind of ['full_attention', 'sliding_attention']) {
    if (fields.has(kind)) fields.refuse(kind, 'all layers must rotate in the same way');
  }
}

const isEmpty = (value: unknown) =>
  value === undefined || (isObject(value) && Object.keys(value).length === 0);
