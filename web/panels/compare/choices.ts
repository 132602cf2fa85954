/** What can be compared with one click each: plans, trained ones with their own models, and cache policies. */
import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import { policyKind, policyKinds } from '../../../gpu/kv/policies/policies.ts';
import type { PeerEngine } from '../../../worker/protocol/peer.ts';
import { keysWhere } from '../../../worker/settings/values.ts';
import { offeredPlans, planName } from '../../experiments/offered-plans.ts';
import { words as shared } from '../../experiments/words.ts';
import { trainedFor, type ModelEntry } from '../../models/model-index.ts';
import type { Playground } from '../../playground/playground.svelte.ts';
import { checkConfig } from '../../settings/checks.ts';
import type { PlaygroundConfig } from '../../settings/settings.ts';
import type { Contender } from './compared.ts';
import { impossibleThere } from '../../experiments/peers/peer-plan.ts';
import { words } from './words.ts';

export interface Choice {
  readonly name: string;
  readonly hint: string;
  readonly config: Readonly<PlaygroundConfig>;
  /** Whether the model was trained for the plan. */
  readonly trained: boolean;
  /** Whether it is what the page is set to. */
  readonly current: boolean;
}

const comparedKeys = keysWhere((row) => row.compared);

/** Whether two configurations are the same contender. */
export const isSameContender = (a: Readonly<PlaygroundConfig>, b: Readonly<PlaygroundConfig>): boolean =>
  comparedKeys.every((key) => a[key] === b[key]);

type Setting = Pick<Playground, 'config' | 'plan' | 'stored' | 'layerCount' | 'models'>;

/** Every plan that can run here, under the policy and the precision that are set. Empty until the model is known. */
export function planChoices({ config, plan, stored, layerCount, models }: Setting): readonly Choice[] {
  if (layerCount === null) return [];
  const { model } = config;
  const layerTypes = plan?.ok ? config.layerTypes.trim() : null;
  return offeredPlans({ model, layerTypes, stored: stored?.layerTypes ?? null, layerCount, models }).map(
    (offered) => {
      const entry = models.find(({ id }) => id === offered.model);
      const about = offered.trained
        ? shared.plans.trained(offered.model)
        : shared.plans.untrained(offered.model);
      return {
        name: offered.name,
        hint: `${offered.layerTypes} · ${about}`,
        trained: offered.trained,
        current: offered.current,
        config:
          entry && offered.model !== model
            ? { ...config, model: offered.model, ...entry.stored }
            : { ...config, layerTypes: offered.layerTypes },
      };
    },
  );
}

/** What to compare until a person chooses: plain LLaMA, and the plan that is set or, if it is that one, the next. */
export function suggestedPair([plain, ...others]: readonly Choice[]): readonly Choice[] {
  const other = others.find(({ current }) => current) ?? others[0];
  return plain && other ? [plain, other] : [];
}

/** The plan that is set, under every other policy that can run with the numbers that are set. */
export function policyChoices({ config, plan }: Setting): readonly Choice[] {
  return policyKinds
    .filter(({ id }) => id !== config.policy)
    .map(({ id, label }) => ({
      ...{ name: label, hint: '', trained: true, current: false },
      config: { ...config, policy: id },
    }))
    .filter((choice) => Object.keys(checkConfig(choice.config, plan)).length === 0);
}

/** Plans that can run in another engine, with the settings that are set. */
export const peerChoices = (setting: Setting, engine: PeerEngine): readonly Choice[] =>
  planChoices(setting).filter(({ config }) => impossibleThere(config, engine) === null);

/**
 * What people call a contender: its plan, its policy if it has one, and what runs it. A model is named if it was not
 * trained for the plan, and another one was: both may stand beside each other.
 */
export function contenderName(
  { config, runner }: Pick<Contender, 'config' | 'runner'>,
  models: readonly ModelEntry[],
): string {
  const name = configurationName(config, models);
  return runner === 'kvtab' ? name : words.peer.named(name, runner);
}

function configurationName(
  { model, layerTypes, policy }: Readonly<PlaygroundConfig>,
  models: readonly ModelEntry[],
): string {
  const named = planName(layerTypes, layerTypes.split('_').length) ?? words.ownPlan;
  const trained = trainedFor(models, model, layerTypes);
  const plan = trained && trained.id !== model ? shared.plans.under(named, model) : named;
  return policy === keepEverything.id ? plan : `${plan}, ${policyKind(policy).label}`;
}
