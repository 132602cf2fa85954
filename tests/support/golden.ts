import { modelSource } from '#platform';
import type { Mode } from '../../gpu/plan/forward-plan.ts';

/** The golden cases of tests/fixtures/golden, computed in float64. */
interface GoldenNumbers {
  /** Prompt positions, counted through all turns, of the rows of logits. */
  readonly positions: readonly number[];
  readonly parallel_logits: readonly (readonly number[])[];
  readonly greedy_after_parallel: readonly number[];
}

export interface GoldenPrompt extends GoldenNumbers {
  readonly tokens: readonly number[];
  readonly auto_mode: Mode;
  /** `[start, stop, iterated]` */
  readonly groups: readonly (readonly [number, number, boolean])[];
  readonly sequential_logits: readonly (readonly number[])[];
  readonly greedy_after_sequential: readonly number[];
  readonly kv_layers: readonly number[];
  readonly kv_bytes_per_token_f32: number;
}

/** Turns that are prefilled one after the other in parallel mode. */
export interface GoldenTurns extends GoldenNumbers {
  readonly turns: readonly (readonly number[])[];
}

/** The golden cases of tests/fixtures/golden-hf: logits and greedy tokens of Hugging Face's transformers. */
export interface GoldenHf {
  readonly tokens: readonly number[];
  readonly positions: readonly number[];
  readonly logits: readonly (readonly number[])[];
  readonly greedy: readonly number[];
}

/** The golden.json of a shipped model, one entry per prompt. */
export interface ShippedGolden {
  readonly prompt: string;
  /** Those of the prompt, beginning with the begin token. */
  readonly tokens: readonly number[];
  readonly auto_mode: Mode;
  readonly greedy_after_sequential: readonly number[];
  readonly greedy_after_parallel: readonly number[];
  readonly text_after_sequential: string;
  readonly text_after_parallel: string;
  /** The smallest lead of a first choice over the second, over all new tokens. */
  readonly smallest_margin: number;
}

export const goldenFolder = (name: string) => `tests/fixtures/golden/${name}`;
export const goldenHfFolder = (name: string) => `tests/fixtures/golden-hf/${name}`;
export const shippedFolder = (id: string) => `public/models/${id}`;

/** The golden.json in the folder of a model. The caller knows its type. */
async function readGolden<T>(folder: string): Promise<T> {
  const text = await modelSource(folder).text('golden.json');
  if (text === null) throw new Error(`${folder} has no golden.json`);
  return JSON.parse(text) as T;
}

export const goldenPrompt = (name: string) => readGolden<GoldenPrompt>(goldenFolder(name));
export const goldenTurns = (name: string) => readGolden<GoldenTurns>(goldenFolder(name));
export const goldenHf = (name: string) => readGolden<GoldenHf>(goldenHfFolder(name));
export const shippedGolden = (id: string) => readGolden<readonly ShippedGolden[]>(shippedFolder(id));
