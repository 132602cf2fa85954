/** Everything that crosses between the page and the worker that heals plans. Types only, plain data only. */
import type { MemoryNeeded } from '../../gpu/train/memory-needed.ts';
import type { Recipe } from '../../gpu/train/recipe.ts';
import type { Outcome } from './failure.ts';
import type { StoredKey } from './hub.ts';
import type { ModelRef, SharingConfig } from './load.ts';

/** One healing at a time. */
export interface HealApi {
  /** Heals a plan. Resolves when all steps are done, when it was stopped, or when a step was not finite. */
  heal(request: HealRequest, onEvent: OnHealEvent): Promise<Outcome<HealResult>>;
  /** The healing that an earlier visit began and nobody dropped; null if there is none. */
  kept(): Promise<Outcome<KeptHealing | null>>;
  /** Continues the kept healing after its last checkpoint. */
  continue(onEvent: OnHealEvent): Promise<Outcome<HealResult>>;
  /** Holds the healing after the sequence at hand. */
  pause(): void;
  resume(): void;
  /** Ends the healing after the sequence at hand. Its checkpoint stays. */
  stop(): void;
  /** Keeps the model that the last healing made among the stored ones. */
  store(engine: string): Promise<Outcome<StoredHealed>>;
  /** Forgets the healing and its checkpoint. A model that was stored stays. */
  drop(): Promise<Outcome<void>>;
}

export type OnHealEvent = (event: HealEvent) => void;

/** A healing that can continue. */
export interface KeptHealing {
  readonly model: string;
  readonly layerTypes: string;
  readonly slidingWindow: number;
  readonly step: number;
  readonly steps: number;
  /** As in {@link HealFacts}. */
  readonly onSample: boolean;
  readonly evaluations: readonly Evaluated[];
}

/** A healed model among the stored ones. */
export interface StoredHealed extends StoredKey {
  readonly bytes: number;
}

export interface HealRequest {
  readonly model: ModelRef;
  /** The plan to heal: differences from the checkpoint's own configuration. */
  readonly config: Partial<SharingConfig>;
  readonly recipe: Recipe;
  readonly text: HealText;
  /** After so many steps the held-out text is read, and after the last. */
  readonly evaluateEverySteps: number;
  /** How many windows of the held-out text are read. */
  readonly heldOutWindows: number;
}

export interface HealText {
  /** What the history calls it, such as a file's name. */
  readonly name: string;
  readonly train: string;
  /** Text that is never trained on; null to keep the last tenth of the other for it. */
  readonly heldOut: string | null;
}

/** What is known before the first step. */
export interface HealFacts {
  readonly memory: MemoryNeeded;
  /** The plan, in LCKV's notation. */
  readonly layerTypes: string;
  /** Numbers that the training changes, and all that the model has under the plan. */
  readonly trainedWeights: number;
  readonly allWeights: number;
  readonly trainTokens: number;
  readonly heldOutTokens: number;
  /** Whether the held-out text is the one that ships: only those readings can be compared with the family's. */
  readonly onSample: boolean;
  /** SHA-256 of the text that is trained on, in UTF-8. */
  readonly textDigest: string;
}

/** The held-out text under the weights after so many steps. */
export interface Evaluated {
  readonly step: number;
  readonly bitsPerByte: number;
}

export type HealEvent =
  /** The model, the plan and the text were read. */
  | { readonly type: 'opened'; readonly facts: HealFacts }
  | {
      readonly type: 'step';
      /** Steps done. */
      readonly step: number;
      readonly steps: number;
      /** Of the step's own tokens, before it changed the weights. */
      readonly natsPerToken: number;
      /** Over the last steps, without evaluations. */
      readonly tokensPerSecond: number;
      /** At that speed, without evaluations. */
      readonly secondsLeft: number;
    }
  | ({ readonly type: 'evaluated' } & Evaluated)
  | ({ readonly type: 'sample' } & Sample);

/** What the model writes after so many steps, greedily, after the first words of the held-out text. */
export interface Sample {
  readonly step: number;
  readonly prompt: string;
  readonly text: string;
}

export interface HealResult {
  /** `diverged`: a loss or a gradient was not finite. The weights are the last that read the held-out text well. */
  readonly end: 'complete' | 'stopped' | 'diverged';
  /** Steps done. */
  readonly step: number;
  readonly evaluations: readonly Evaluated[];
}

/** How a healed model was made, as its `healing.json` says. */
export interface HealHistory {
  readonly model: string;
  readonly layer_types: string;
  readonly sliding_window: number;
  readonly text: { readonly name: string; readonly sha256: string; readonly tokens: number };
  readonly recipe: Recipe;
  readonly steps_done: number;
  readonly bits_per_byte: readonly Evaluated[];
  readonly engine: string;
}
