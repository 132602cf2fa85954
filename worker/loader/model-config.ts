import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import type { RopeSpec } from '../../gpu/plan/rope.ts';
import { HostileFields, isObject, show } from '../hostile-fields.ts';
import { attempt, Refused } from '../outcome.ts';
import type { Outcome } from '../protocol/failure.ts';
import type { SharingConfig } from '../protocol/load.ts';
import { MAX_PASSES, MAX_POSITIONS } from './apply-config.ts';
import { familyDefaults, readBiases, readFamily, type Family } from './family.ts';
import { QUANTIZED_ADVICE } from './quantized-advice.ts';
import { readRope, ropePlace } from './rope-config.ts';
import { nonFiniteRope } from './rope-limits.ts';
import { defaultWindow, readLayerTypes } from './stored-layer-types.ts';
import { readEnds, tokenOrNull } from './token-ids.ts';

/** What config.json says, checked. */
export interface ModelConfig {
  readonly family: Family;
  readonly dims: ModelDims;
  /** How the checkpoint shares keys and values; `layerTypes` always in LCKV's notation. */
  readonly stored: SharingConfig;
  readonly useSequential: boolean;
  /** Tokens that end a text; empty if the file names none. */
  readonly eosIds: readonly number[];
  readonly bosId: number | null;
}

export const CONFIG = 'config.json';

// Far above any model that fits into a tab: a hostile file must not ask for the whole machine.
const MAX_LAYERS = 1024;
const MAX_WIDTH = 2 ** 20;
const MAX_HEADS = 4096;
const MAX_HEAD_DIM = 1024;
const MAX_VOCAB = 2 ** 24;
/** The smallest number that a GPU does not take for 0: below it, a norm of zeros divides by 0. */
const MIN_NORM_EPS = 2 ** -126;

/**
 * Reads a Hugging Face config.json, which is hostile until checked.
 *
 * @param json the parsed file
 * @returns the model's dimensions and sharing; `bad-config` names the field that cannot be served,
 *   `bad-layer-types` the layer
 */
export function parseModelConfig(json: unknown): Outcome<ModelConfig> {
  return attempt(() => {
    if (!isObject(json)) {
      throw new Refused({
        code: 'bad-config',
        file: CONFIG,
        field: CONFIG,
        reason: 'it is not a JSON object',
      });
    }
    const fields = new HostileFields(json, { file: CONFIG });
    const family = readFamily(fields);
    const dims = readDims(fields, family);
    return {
      family,
      dims,
      stored: readSharing(fields, family, dims),
      useSequential: fields.flag('use_sequential', false),
      eosIds: readEnds(fields, dims.vocabSize),
      bosId: tokenOrNull(fields.raw('bos_token_id'), dims.vocabSize),
    };
  });
}

function readDims(fields: HostileFields, family: Family): ModelDims {
  const whole = (name: string, max: number, fallback?: number) =>
    fields.whole(name, { min: 1, max, ...(fallback === undefined ? {} : { fallback }) });

  const activation = fields.text('hidden_act', 'silu');
  // transformers has two names for the same function.
  if (activation !== 'silu' && activation !== 'swish') {
    fields.refuse('hidden_act', `${show(activation)} is neither silu nor swish`);
  }

  refuseQuantized(fields);

  const defaults = familyDefaults[family];
  const hiddenSize = whole('hidden_size', MAX_WIDTH);
  const heads = whole('num_attention_heads', MAX_HEADS);
  const kvHeads = whole('num_key_value_heads', MAX_HEADS, heads);
  if (heads % kvHeads !== 0) {
    fields.refuse('num_key_value_heads', `${heads} heads cannot share ${kvHeads} evenly`);
  }
  const defaultHeadDim = defaults.headDim ?? hiddenSize / heads;
  if (!fields.has('head_dim') && !Number.isInteger(defaultHeadDim)) {
    fields.refuse(
      'num_attention_heads',
      `a hidden size of ${hiddenSize} cannot be split among ${heads} heads`,
    );
  }
  const headDim = whole('head_dim', MAX_HEAD_DIM, defaultHeadDim);
  if (headDim % 8 !== 0) fields.refuse('head_dim', `${headDim} is not a multiple of 8`);
  const contextTokens = whole('max_position_embeddings', MAX_POSITIONS, defaults.contextTokens);

  const rmsNormEps = fields.positive('rms_norm_eps', 1e-6);
  if (rmsNormEps >= 1) fields.refuse('rms_norm_eps', `${rmsNormEps} is not below 1`);
  if (rmsNormEps < MIN_NORM_EPS) fields.refuse('rms_norm_eps', `${rmsNormEps} is 0 in 32 bits`);

  return {
    layerCount: whole('num_hidden_layers', MAX_LAYERS),
    hiddenSize,
    intermediateSize: whole('intermediate_size', MAX_WIDTH),
    heads,
    kvHeads,
    headDim,
    vocabSize: whole('vocab_size', MAX_VOCAB),
    contextTokens,
    rmsNormEps,
    rope: finiteRope(fields, readRope(fields, contextTokens), headDim, contextTokens),
    tiedEmbeddings: fields.flag('tie_word_embeddings', false),
    ...readBiases(fields, family),
    qkNorm: family === 'qwen3',
  };
}

function readSharing(fields: HostileFields, family: Family, dims: ModelDims): SharingConfig {
  const passes = (name: string, fallback: number) =>
    fields.whole(name, { min: 0, max: MAX_PASSES, fallback });
  const sharing = {
    layerTypes: readLayerTypes(fields, family, dims.layerCount),
    slidingWindow: fields.whole('sliding_window', {
      min: 1,
      max: MAX_POSITIONS,
      fallback: defaultWindow(fields, family) ?? dims.contextTokens,
    }),
    forwardPasses: passes('forward_passes', 7),
    backwardPasses: passes('backward_passes', 2),
    forceNodiag: fields.flag('force_nodiag', false),
  };
  if (sharing.forwardPasses + sharing.backwardPasses < 1) {
    fields.refuse('forward_passes', 'with backward_passes there must be at least one pass');
  }
  return sharing;
}

function finiteRope(fields: HostileFields, rope: RopeSpec, headDim: number, contextTokens: number): RopeSpec {
  const complaint = nonFiniteRope(rope, headDim, contextTokens);
  if (!complaint) return rope;
  const place = rope.type !== 'default' ? ropePlace(fields) : null;
  const inside = place !== null && complaint.field !== 'rope_theta';
  return fields.refuse(inside ? `${place}.${complaint.field}` : complaint.field, complaint.reason);
}

/** GPTQ, AWQ, bitsandbytes and others write `quantization_config`, MLX `quantization`. */
export function refuseQuantized(fields: HostileFields): void {
  for (const name of ['quantization_config', 'quantization']) {
    const said = fields.raw(name);
    if (said === undefined) continue;
    const method = isObject(said) ? said['quant_method'] : undefined;
    const bits = isObject(said) ? said['bits'] : undefined;
    const by =
      typeof method === 'string' ? show(method) : name === 'quantization' ? 'MLX' : 'another program';
    const width = typeof bits === 'number' ? ` to ${bits} bits` : '';
    fields.refuse(name, `the weights were quantized${width} by ${by}. ${QUANTIZED_ADVICE}`);
  }
}
