import type { ModelFacts, SuggestedSampling } from '../../worker/protocol/load.ts';
import { settings, type SettingKey } from '../../worker/settings/settings.ts';
import { complaintAbout, keysWhere } from '../../worker/settings/values.ts';
import type { PlaygroundConfig } from '../settings/settings.ts';

/** Where the value of a sampling setting comes from. */
export type Origin = 'default' | 'you' | 'link' | 'authors' | 'transformers';

/** How a model's authors draw tokens, as values for the page. */
export interface SamplingOffer {
  readonly values: Partial<PlaygroundConfig>;
  /** The settings that their file names; the others are transformers' defaults. */
  readonly said: readonly SettingKey[];
}

const keys = keysWhere(({ form, part }) => form === 'sampling' && part !== 'sequences');

/** Offers what a model's authors suggest, and knows where each value comes from. Never changes a value unasked. */
export class SamplingAdvice {
  readonly #config: PlaygroundConfig;
  #made = $state.raw<SamplingOffer | null>(null);
  /** The model whose suggestion was last considered: loading it again, in fewer bits, is no news. */
  #considered: string | null = null;
  /** Models whose suggestion the person has declined. */
  readonly #declined = new Set<string>();
  #origins = $state.raw<Readonly<Partial<Record<SettingKey, Origin>>>>({});

  constructor(config: PlaygroundConfig) {
    this.#config = config;
  }

  /** The open offer; null if there is none, or if every value already equals it. */
  get offer(): SamplingOffer | null {
    const { values } = this.#made ?? {};
    return values && keys.some((key) => this.#changes(key, values)) ? this.#made : null;
  }

  /** Where each value comes from, by setting. */
  readonly origins = $derived(
    Object.fromEntries(keys.map((key) => [key, this.#origins[key] ?? 'default'] as const)),
  );

  /** What an offer is worth saying: the settings that its file names, and those that it would change. */
  told({ values, said }: SamplingOffer): readonly SettingKey[] {
    return keys.filter((key) => said.includes(key) || this.#changes(key, values));
  }

  /** Makes an offer if a model that was just loaded brings one. */
  consider({ id, suggestedSampling }: ModelFacts): void {
    if (id === this.#considered) return;
    this.#considered = id;
    this.#made = suggestedSampling && !this.#declined.has(id) ? offerOf(suggestedSampling) : null;
    this.#made = this.offer;
  }

  use(): void {
    const { values, said } = this.#made ?? { values: {}, said: [] };
    Object.assign(this.#config, values);
    const offered = keys.filter((key) => key in values);
    this.#setOrigins(offered, (key) => (said.includes(key) ? 'authors' : 'transformers'));
    this.#made = null;
  }

  decline(): void {
    if (this.#considered !== null) this.#declined.add(this.#considered);
    this.#made = null;
  }

  /** The person changed a setting. */
  edited(key: SettingKey): void {
    if (keys.includes(key)) this.#setOrigins([key], () => 'you');
  }

  /** A link replaced all settings. What it leaves out is at its default. */
  linked(values: Partial<PlaygroundConfig>): void {
    this.#made = null;
    this.#origins = {};
    const named = keys.filter((key) => key in values);
    this.#setOrigins(named, () => 'link');
  }

  #changes(key: SettingKey, values: Partial<PlaygroundConfig>): boolean {
    return key in values && values[key] !== this.#config[key];
  }

  #setOrigins(of: readonly SettingKey[], origin: (key: SettingKey) => Origin): void {
    this.#origins = { ...this.#origins, ...Object.fromEntries(of.map((key) => [key, origin(key)])) };
  }
}

function offerOf({ sampling, maxNewTokens, said }: SuggestedSampling): SamplingOffer {
  const fits = maxNewTokens !== null && complaintAbout(settings.maxNewTokens, maxNewTokens) === null;
  return fits
    ? { values: { ...sampling, maxNewTokens }, said: [...said, 'maxNewTokens'] }
    : { values: sampling, said };
}
