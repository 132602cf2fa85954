import { memoryNeeded, MOST_BYTES, totalBytes, type MemoryNeeded } from '../../../gpu/train/memory-needed.ts';
import { defaultRecipe, type Recipe, type Trained } from '../../../gpu/train/recipe.ts';
import type { NumberRange } from '../../../gpu/plan/number-range.ts';
import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import type {
  Evaluated,
  HealEvent,
  HealFacts,
  HealResult,
  HealText,
  KeptHealing,
  Sample,
  StoredHealed,
} from '../../../worker/protocol/heal.ts';
import { numberComplaint } from '../../../worker/settings/number-complaint.ts';
import { engineVersion } from '../../experiments/engine-version.ts';
import { fetchFamilyOnSample, type FamilyOnSample } from '../../models/family-on-sample.ts';
import type { HealingNow } from '../../playground/healing-now.ts';
import type { Playground } from '../../playground/playground.svelte.ts';
import { MOST_STEPS, type LinkedHealing } from '../../settings/linked-healing.ts';
import { toSharingConfig } from '../../settings/requests.ts';
import type { PlaygroundConfig } from '../../settings/settings.ts';
import type { FieldNumber } from '../../ui/field-number.ts';
import { HealClient } from './heal-client.ts';
import { readText } from './healing-text.ts';

type Client = Pick<
  HealClient,
  'heal' | 'continue' | 'kept' | 'store' | 'drop' | 'pause' | 'resume' | 'stop' | 'close'
>;
type ReadText = (file: File | null) => Promise<Outcome<HealText>>;

/** What is done now: the model and the text are read, steps are taken, or nothing. */
export type Activity = 'rest' | 'opening' | 'healing' | 'paused' | 'storing';

/** What is or was healed. */
type Healed = Pick<HealingNow, 'model' | 'layerTypes' | 'slidingWindow'>;

/** A healing as a link repeats it: the settings under which it began, and its recipe. */
interface Repeated {
  readonly config: PlaygroundConfig;
  readonly healing: LinkedHealing;
}

/** The last step that was told. */
export type Pace = Extract<HealEvent, { type: 'step' }>;

export const stepRange: NumberRange = { min: 1, max: MOST_STEPS, whole: true };
const EVALUATIONS = 8;
/** After so many steps, the held-out text is read again. */
export const stepsBetweenReadings = (steps: number) => Math.max(1, Math.ceil(steps / EVALUATIONS));
const HELD_OUT_WINDOWS = 8;

/** The healing of a page: what to train, what became of it, and what is kept. */
export class Healer {
  trained = $state<Trained>('projections');
  steps = $state<FieldNumber>(100);
  /** The person's own text; null for the sample. */
  file = $state.raw<File | null>(null);
  activity = $state<Activity>('rest');
  healed = $state.raw<Healed | null>(null);
  #repeated = $state.raw<Repeated | null>(null);
  facts = $state.raw<HealFacts | null>(null);
  pace = $state.raw<Pace | null>(null);
  losses = $state.raw<readonly Pace[]>([]);
  evaluations = $state.raw<readonly Evaluated[]>([]);
  /** What the model wrote at first, and last. */
  samples = $state.raw<readonly Sample[]>([]);
  result = $state.raw<HealResult | null>(null);
  stored = $state.raw<StoredHealed | null>(null);
  /** What an earlier visit began. */
  kept = $state.raw<KeptHealing | null>(null);
  failure = $state.raw<Failure | null>(null);
  family = $state.raw<FamilyOnSample>(new Map());

  readonly #playground: Playground;
  readonly #client: Client;
  readonly #readText: ReadText;
  #begun = 0;

  readonly stepsProblem = $derived(numberComplaint(this.steps, stepRange));
  readonly recipe = $derived.by((): Recipe | null => {
    if (this.stepsProblem !== null) return null;
    const recipe = defaultRecipe(this.trained, Number(this.steps));
    const context = this.#playground.facts?.dims.contextTokens ?? recipe.tokensPerSequence;
    return { ...recipe, tokensPerSequence: Math.min(recipe.tokensPerSequence, context) };
  });
  /** What the healing will take; null until the model is known and the settings are right. */
  readonly memory = $derived.by((): MemoryNeeded | null => {
    const { plan, facts, config } = this.#playground;
    const sharing = toSharingConfig(config);
    if (!this.recipe || !facts || !plan?.ok || !sharing) return null;
    const { slidingWindow: windowTokens, forceNodiag, forwardPasses, backwardPasses } = sharing;
    return memoryNeeded({
      dims: facts.dims,
      sharing: { layers: plan.value, windowTokens, forceNodiag },
      passes: { forward: forwardPasses, backward: backwardPasses },
      recipe: this.recipe,
    });
  });
  /** Whether the healing could continue after a reload: not if the model's files are only opened. */
  readonly resumable = $derived.by(() => {
    const { brought, config } = this.#playground;
    return brought.get(config.model)?.from !== 'files';
  });
  readonly busy = $derived(this.activity !== 'rest');
  /** Whether the page shows another model or plan than the one that is being healed. */
  readonly elsewhere = $derived.by(() => {
    const { model, layerTypes } = this.#playground.config;
    if (!this.busy || !this.healed) return false;
    return this.healed.model !== model || this.healed.layerTypes !== layerTypes.trim();
  });
  readonly tooLarge = $derived(this.memory !== null && totalBytes(this.memory) > MOST_BYTES);
  readonly possible = $derived.by(
    () => !this.busy && this.memory !== null && !this.tooLarge && this.#playground.runnable,
  );
  /** What is healed now or was healed last, kept or not. */
  readonly now = $derived.by((): HealingNow | null => {
    const { healed, kept } = this;
    if (healed) {
      const onSample = this.facts?.onSample ?? kept?.onSample ?? null;
      return { ...healed, onSample, going: this.busy, evaluations: this.evaluations };
    }
    return kept && { ...kept, going: false };
  });
  /** Bits per byte of the model that ships for the plan, on the same text; null if they are not known. */
  readonly member = $derived.by(() => {
    const { models } = this.#playground;
    if (!this.now?.onSample || !models.some(({ id }) => id === this.now?.model)) return null;
    const trained = models.find(({ stored }) => stored.layerTypes === this.now?.layerTypes);
    const bitsPerByte = this.family.get(trained?.id ?? '');
    return trained && bitsPerByte !== undefined ? { id: trained.id, bitsPerByte } : null;
  });

  constructor(playground: Playground, client: Client, read: ReadText) {
    this.#playground = playground;
    this.#client = client;
    this.#readText = read;
  }

  /** Looks for a healing that an earlier visit began. */
  async start(): Promise<void> {
    await this.#recall();
    if (!this.busy) this.#client.close();
  }

  async #recall(): Promise<void> {
    const kept = await this.#client.kept();
    if (!this.busy && kept.ok) this.kept = kept.value;
  }

  /** What a link repeats: what is healed or was, whatever the page shows now; before that, what is set. */
  get repeated(): Repeated {
    const { trained, steps } = this;
    return (
      this.#repeated ?? {
        config: this.#playground.config,
        healing: { trained, steps: Number(steps) },
      }
    );
  }

  /** Takes the recipe of a link, unless something is being healed. A link starts nothing. */
  follow({ trained, steps }: LinkedHealing): void {
    if (this.busy) return;
    this.trained = trained;
    this.steps = steps;
    this.file = null;
  }

  async heal(): Promise<void> {
    const config = toSharingConfig(this.#playground.config);
    const { recipe } = this;
    if (!this.possible || !recipe || !config) return;
    const { model } = this.#playground.loadRequestOf(this.#playground.config);
    const { layerTypes, slidingWindow } = config;
    this.#begin({ model: this.#playground.config.model, layerTypes, slidingWindow }, recipe.steps);
    const begun = this.#begun;
    const text = await this.#readText(this.file);
    if (begun !== this.#begun) return;
    if (!text.ok) {
      this.#end(text);
      return;
    }
    const evaluateEverySteps = stepsBetweenReadings(recipe.steps);
    const request = {
      ...{ model, config, recipe, evaluateEverySteps },
      ...{ text: text.value, heldOutWindows: HELD_OUT_WINDOWS },
    };
    this.#end(await this.#client.heal(request, this.#receive));
  }

  /** Continues what an earlier visit began, or what was stopped. */
  async continue(): Promise<void> {
    const { kept } = this;
    if (this.busy || !kept) return;
    const { model, layerTypes, slidingWindow } = kept;
    this.#begin({ model, layerTypes, slidingWindow }, kept.steps);
    this.evaluations = kept.evaluations;
    this.#end(await this.#client.continue(this.#receive));
  }

  pause(): void {
    if (this.activity !== 'healing') return;
    this.activity = 'paused';
    this.#client.pause();
  }

  resume(): void {
    if (this.activity !== 'paused') return;
    this.activity = 'healing';
    this.#client.resume();
  }

  /** Ends the healing. While the model and the text are read, that takes the worker along. */
  stop(): void {
    if (this.activity === 'opening') {
      this.#begun++;
      this.#client.close();
      this.activity = 'rest';
      this.healed = this.#repeated = null;
      void this.start();
    } else if (this.busy) this.#client.stop();
  }

  /** Stores the healed model, and loads it. */
  async keep(): Promise<void> {
    if (this.busy || !this.result || this.result.step === 0) return;
    this.activity = 'storing';
    this.failure = null;
    const stored = await this.#client.store(engineVersion);
    this.activity = 'rest';
    if (!stored.ok) {
      this.failure = stored.failure;
      return;
    }
    this.stored = stored.value;
    const { repository: id, endpoint, commit } = stored.value;
    this.#playground.bring({ from: 'hub', id, endpoint, token: null, keep: true, commit });
  }

  /** Back to the converted weights. A model that was stored stays among the stored ones. */
  async undo(): Promise<void> {
    if (this.busy) return;
    const { healed, stored } = this;
    const dropped = await this.#client.drop();
    this.#client.close();
    this.failure = dropped.ok ? null : dropped.failure;
    this.healed = this.facts = this.pace = this.result = this.stored = this.kept = null;
    this.#repeated = null;
    this.losses = [];
    this.evaluations = [];
    this.samples = [];
    if (!healed || !stored || this.#playground.config.model !== stored.repository) return;
    this.#playground.chooseModel(healed.model);
    this.#playground.planEditor.edit(healed.layerTypes, 'preset');
  }

  #begin(healed: Healed, steps: number): void {
    this.#begun++;
    this.activity = 'opening';
    this.healed = healed;
    this.#repeated = {
      config: { ...this.#playground.config, ...healed },
      healing: { trained: this.trained, steps },
    };
    this.facts = this.pace = this.result = this.stored = this.kept = this.failure = null;
    this.losses = [];
    this.evaluations = [];
    this.samples = [];
  }

  readonly #receive = (event: HealEvent): void => {
    switch (event.type) {
      case 'opened':
        this.facts = event.facts;
        if (this.activity === 'opening') this.activity = 'healing';
        break;
      case 'step':
        this.pace = event;
        this.losses = [...this.losses, event];
        break;
      case 'evaluated':
        this.evaluations = [...this.evaluations, { step: event.step, bitsPerByte: event.bitsPerByte }];
        break;
      case 'sample':
        this.samples = [...this.samples.slice(0, 1), event];
        break;
    }
  };

  #end(outcome: Outcome<HealResult>): void {
    this.activity = 'rest';
    if (!outcome.ok) {
      this.failure = outcome.failure;
      // What was kept before is there yet, as if another tab heals.
      void this.#recall();
      return;
    }
    this.result = outcome.value;
    const { end, step, evaluations } = outcome.value;
    // What was stopped can continue where it is.
    if (end === 'stopped' && step > 0 && this.healed && this.pace) {
      const onSample = this.facts?.onSample ?? false;
      this.kept = { ...this.healed, step, steps: this.pace.steps, onSample, evaluations };
    }
  }
}

const healers = new WeakMap<Playground, Healer>();

/** The healing of a page, which goes on while another tab is shown. */
export function healerOf(playground: Playground): Healer {
  const known = healers.get(playground);
  if (known) return known;
  const healer = new Healer(playground, new HealClient(), (file) => readText(file, document.baseURI));
  healers.set(playground, healer);
  playground.healer = healer;
  void fetchFamilyOnSample(document.baseURI).then((family) => (healer.family = family));
  void healer.start();
  return healer;
}
