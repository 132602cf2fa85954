import type { ModeChoice } from '../../gpu/plan/forward-plan.ts';
import type { KvPrecision } from '../../gpu/kv/usage.ts';
import { samplingRanges, type SamplingOptions } from '../../gpu/plan/sampling.ts';
import type { FieldNumber, NumberRange } from '../ui/field-number.ts';
import type { BackendChoice, LoadRequest, SharingConfig } from '../../worker/protocol/load.ts';

type Fields<T> = { -readonly [Key in keyof T]: T[Key] extends number ? FieldNumber : T[Key] };

/** Everything that a person can set: the document of which the page is the editor. */
export interface PlaygroundConfig extends Fields<SharingConfig>, Fields<SamplingOptions> {
  model: string;
  /** The server of a model that is written as `owner/name`. */
  endpoint: string;
  backend: BackendChoice;
  /** In what format the GPU keeps the weights. */
  weights: LoadRequest['weights'];
  /** Whether 8 or 4 bits are meant for the embeddings and the head too. */
  quantizeEmbeddings: boolean;
  kvPrecision: KvPrecision;
  mode: ModeChoice;
  prompt: string;
  maxNewTokens: FieldNumber;
  /** Memory for KV that the figures of a plan are reckoned with. */
  budgetMib: FieldNumber;
}

export type NumberKey = {
  [Key in keyof PlaygroundConfig]: PlaygroundConfig[Key] extends FieldNumber ? Key : never;
}[keyof PlaygroundConfig];

/** The fields that can hold something that does not run. */
export type CheckedKey = NumberKey | 'layerTypes';

/** What the page calls them, in the order in which it shows them. */
export const fieldNames: Readonly<Record<CheckedKey, string>> = {
  layerTypes: 'Layer types',
  slidingWindow: 'Sliding window',
  forwardPasses: 'Forward passes',
  backwardPasses: 'Backward passes',
  budgetMib: 'Memory budget',
  maxNewTokens: 'Max new tokens',
  temperature: 'Temperature',
  topK: 'Top-k',
  topP: 'Top-p',
  minP: 'Min-p',
  repetitionPenalty: 'Repetition penalty',
  seed: 'Seed',
};

const whole = (min: number, max: number): NumberRange => ({ min, max, whole: true });

/** What each number may be; the fields and the check before a run read the same table. */
export const numberRanges: Readonly<Record<NumberKey, NumberRange>> = {
  ...samplingRanges,
  maxNewTokens: whole(1, 100_000),
  slidingWindow: whole(1, 10_000_000),
  forwardPasses: whole(0, 1000),
  backwardPasses: whole(0, 1000),
  budgetMib: whole(1, 10_000_000),
};

type ChoiceKey = 'mode' | 'backend' | 'weights' | 'kvPrecision';

/** What each setting with a list of values can be. */
export const choices: { readonly [Key in ChoiceKey]: readonly PlaygroundConfig[Key][] } = {
  mode: ['auto', 'parallel', 'sequential'],
  backend: ['webgpu', 'cpu'],
  weights: ['stored', 'f32', 'f16', 'q8', 'q4'],
  kvPrecision: ['f16', 'f32'],
};

/** What the page opens with. The sharing is replaced by the model's own as soon as that is known. */
export const defaultConfig: Readonly<PlaygroundConfig> = {
  model: 'fairy-lckv',
  endpoint: 'https://huggingface.co',
  backend: 'webgpu',
  weights: 'stored',
  quantizeEmbeddings: false,
  kvPrecision: 'f16',
  mode: 'auto',
  layerTypes: '',
  slidingWindow: 4096,
  forwardPasses: 7,
  backwardPasses: 2,
  forceNodiag: false,
  prompt: 'Once upon a time there was a king who',
  maxNewTokens: 128,
  budgetMib: 1024,
  temperature: 0.8,
  topK: 0,
  topP: 0.95,
  minP: 0,
  repetitionPenalty: 1.1,
  seed: 1,
};

/** The sharing of a configuration, as values. */
export const sharingOf = (config: Readonly<PlaygroundConfig>): Fields<SharingConfig> => ({
  layerTypes: config.layerTypes,
  slidingWindow: config.slidingWindow,
  forwardPasses: config.forwardPasses,
  backwardPasses: config.backwardPasses,
  forceNodiag: config.forceNodiag,
});
