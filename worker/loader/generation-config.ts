import { outsideRange } from '../../gpu/plan/number-range.ts';
import { greedy, type SamplingOptions } from '../../gpu/plan/sampling.ts';
import { HostileFields, isObject } from '../hostile-fields.ts';
import { BadJson } from '../hostile-json.ts';
import { Refused } from '../outcome.ts';
import type { SuggestedSampling } from '../protocol/load.ts';
import { samplingRanges } from '../settings/sampling-ranges.ts';
import { parseConfigJson } from './config-json.ts';
import { readEnds } from './token-ids.ts';

const GENERATION_CONFIG = 'generation_config.json';

/** What a generation_config.json adds to config.json. */
export interface GenerationConfig {
  /** Tokens that end a text: chat models often name more here than in config.json. */
  readonly eosIds: readonly number[];
  /** null if the file says nothing about how tokens are drawn. */
  readonly suggested: SuggestedSampling | null;
  /** What in the file could not be used, as sentences. */
  readonly notices: readonly string[];
}

/** The file's name of each option. */
const names = {
  temperature: 'temperature',
  topK: 'top_k',
  topP: 'top_p',
  minP: 'min_p',
  repetitionPenalty: 'repetition_penalty',
} as const satisfies Partial<Record<keyof SamplingOptions, string>>;

type Option = keyof typeof names;

/** transformers' defaults for fields that a file with `do_sample: true` leaves out. */
const transformersDefaults: Readonly<Record<Option, number>> = {
  ...{ temperature: 1, topK: 50, topP: 1, minP: 0, repetitionPenalty: 1 },
};

/** What else a file may ask of transformers that changes the text, each with the number that changes nothing. */
const notFollowed: Readonly<Record<string, number | null>> = {
  num_beams: 1,
  num_beam_groups: 1,
  penalty_alpha: 0,
  typical_p: 1,
  top_h: null,
  epsilon_cutoff: 0,
  eta_cutoff: 0,
  no_repeat_ngram_size: 0,
  encoder_no_repeat_ngram_size: 0,
  encoder_repetition_penalty: 1,
  exponential_decay_length_penalty: null,
  bad_words_ids: null,
  force_words_ids: null,
  suppress_tokens: null,
  begin_suppress_tokens: null,
  sequence_bias: null,
  forced_bos_token_id: null,
  forced_eos_token_id: null,
  min_length: 0,
  min_new_tokens: 0,
  guidance_scale: 1,
  watermarking_config: null,
};

const changesNothing = (value: unknown, neutral: number | null) =>
  value === neutral || (Array.isArray(value) && value.length === 0);

/** Far more than anybody waits for. */
const MAX_NEW_TOKENS = 1_000_000;

/**
 * Reads a generation_config.json. The file is optional, so nothing in it keeps a model from loading: what cannot be
 * used is named in a notice.
 *
 * @param text null if there is no such file
 */
export function parseGenerationConfig(text: string | null, vocabSize: number): GenerationConfig {
  if (text === null) return { eosIds: [], suggested: null, notices: [] };
  const ignored = (reason: string) => ({
    ...{ eosIds: [], suggested: null },
    notices: [`${GENERATION_CONFIG} is not used: ${reason}.`],
  });
  let json: unknown;
  try {
    json = parseConfigJson(text);
  } catch (error) {
    if (error instanceof BadJson) return ignored(error.message);
    throw error;
  }
  if (!isObject(json)) return ignored('it is not a JSON object');

  const fields = new HostileFields(json, { file: GENERATION_CONFIG });
  const notices: string[] = [];
  /** What `read` returns; if it refuses a field, the fallback, and a notice. */
  const lenient = <T>(read: () => T, fallback: T): T => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Refused) || error.failure.code !== 'bad-config') throw error;
      const { field, reason } = error.failure;
      notices.push(`${GENERATION_CONFIG}: ${field} is not used (${reason}).`);
      return fallback;
    }
  };
  const eosIds = lenient(() => readEnds(fields, vocabSize), []);
  const others = Object.entries(notFollowed)
    .filter(([name, neutral]) => fields.has(name) && !changesNothing(json[name], neutral))
    .map(([name]) => name);
  if (others.length > 0) {
    notices.push(`${GENERATION_CONFIG}: kvtab does not follow ${others.join(', ')}, so its text may differ.`);
  }
  return { eosIds, suggested: readSuggested(fields, lenient), notices };
}

function readSuggested(
  fields: HostileFields,
  lenient: <T>(read: () => T, fallback: T) => T,
): SuggestedSampling | null {
  const saysSomething = ['do_sample', 'max_new_tokens', ...Object.values(names)].some((name) =>
    fields.has(name),
  );
  if (!saysSomething) return null;
  const said: Option[] = [];
  const option = (name: Option, fallback: number) => {
    if (!fields.has(names[name])) return fallback;
    const value = lenient(() => inRange(fields, name), null);
    if (value === null) return fallback;
    said.push(name);
    return value;
  };
  const maxNewTokens = lenient(
    () =>
      fields.has('max_new_tokens') ? fields.whole('max_new_tokens', { min: 1, max: MAX_NEW_TOKENS }) : null,
    null,
  );
  // Without do_sample, transformers draws the likeliest token, and still divides by the repetition penalty.
  const samples = lenient(() => fields.flag('do_sample', false), false);
  if (!samples && fields.has('do_sample')) said.push('temperature');
  const repetitionPenalty = option('repetitionPenalty', transformersDefaults.repetitionPenalty);
  const { temperature, topK, topP, minP } = samples ? transformersDefaults : greedy;
  const sampling = samples
    ? {
        temperature: option('temperature', temperature),
        topK: option('topK', topK),
        topP: option('topP', topP),
        minP: option('minP', minP),
        repetitionPenalty,
      }
    : { temperature, topK, topP, minP, repetitionPenalty };
  return { sampling, maxNewTokens, said };
}

function inRange(fields: HostileFields, name: Option): number {
  const value = fields.number(names[name]);
  const complaint = outsideRange(value, samplingRanges[name]);
  return complaint === null ? value : fields.refuse(names[name], `${value} is ${complaint}`);
}
