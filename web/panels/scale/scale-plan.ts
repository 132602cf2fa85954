/** What a plan would save in a model that does not fit into a tab. */
import { kvRowBytes, kvRowsHeld } from '../../../gpu/kv/usage.ts';
import { parseLayerTypes, type LayerType } from '../../../gpu/plan/layer-types.ts';
import { kvOwners } from '../../../gpu/plan/sharing.ts';
import { presetLayerTypes, type PresetChoice } from '../../presets/presets.ts';
import type { KnownShape } from './known-shapes.ts';

/** Where the large model runs. */
export interface Machine {
  readonly contextTokens: number;
  readonly memoryBytes: number;
  /** Of the stored weights, scales included. */
  readonly bitsPerWeight: number;
}

/** One way to keep KV, in one large model. */
export interface ScaledPlan {
  /** Of plain LLaMA's KV at this context, for one user. */
  readonly fraction: number;
  readonly bytesPerUser: number;
  /** Full contexts that fit beside the weights; 0 also if the weights do not fit. */
  readonly users: number;
}

/** The preset made for the large model's own number of layers. */
export interface ScaledPreset extends ScaledPlan {
  readonly name: string;
  readonly storing: number;
}

export interface Scaled {
  readonly weightBytes: number;
  /** Negative if the weights do not fit. */
  readonly bytesForKv: number;
  readonly plain: ScaledPlan;
  /** The plan's own fraction, taken over. */
  readonly plan: ScaledPlan;
  /** Null if no preset makes this plan. */
  readonly preset: ScaledPreset | null;
}

interface Plan {
  readonly layers: readonly LayerType[];
  readonly windowTokens: number;
}

/** Rows that all stores of a plan hold at a context, of those that plain LLaMA holds. */
export function storedFraction({ layers, windowTokens }: Plan, contextTokens: number): number {
  const rows = kvOwners(layers).reduce(
    (sum, owner) => sum + kvRowsHeld(owner, contextTokens, windowTokens),
    0,
  );
  return rows / (layers.length * contextTokens);
}

/**
 * KV of a user = 2 · layers · KV heads · head dimension · 2 bytes · context · fraction; users = ⌊(memory − weights) / KV of
 * a user⌋.
 *
 * @param plan   without a mistake, of any number of layers
 * @param choice the preset that makes the plan, if there is one
 */
export function scalePlan(
  plan: Plan,
  choice: PresetChoice | null,
  shape: KnownShape,
  { contextTokens, memoryBytes, bitsPerWeight }: Machine,
): Scaled {
  const weightBytes = (shape.parameters * bitsPerWeight) / 8;
  const bytesForKv = memoryBytes - weightBytes;
  const plainBytes = shape.layerCount * kvRowBytes(shape, 'f16') * contextTokens;
  const scaled = (fraction: number): ScaledPlan => {
    const bytesPerUser = plainBytes * fraction;
    return { fraction, bytesPerUser, users: Math.max(0, Math.floor(bytesForKv / bytesPerUser)) };
  };
  return {
    weightBytes,
    bytesForKv,
    plain: scaled(1),
    plan: scaled(storedFraction(plan, contextTokens)),
    preset: choice && presetFor(choice, shape.layerCount, plan.windowTokens, contextTokens, scaled),
  };
}

function presetFor(
  { preset, parameter }: PresetChoice,
  layerCount: number,
  windowTokens: number,
  contextTokens: number,
  scaled: (fraction: number) => ScaledPlan,
): ScaledPreset | null {
  const parsed = parseLayerTypes(presetLayerTypes(preset, layerCount, parameter), layerCount);
  if (!parsed.ok) return null;
  const fraction = storedFraction({ layers: parsed.value, windowTokens }, contextTokens);
  return { ...scaled(fraction), name: preset.name, storing: kvOwners(parsed.value).length };
}
