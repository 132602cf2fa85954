import { h2o } from '../../../gpu/kv/policies/h2o.ts';
import { keyformer } from '../../../gpu/kv/policies/keyformer.ts';
import { lambda } from '../../../gpu/kv/policies/lambda.ts';
import { percentOf } from '../../../gpu/kv/policies/percent.ts';
import { less } from '../../../gpu/kv/policies/less.ts';
import { sinks } from '../../../gpu/kv/policies/sinks.ts';
import { tova } from '../../../gpu/kv/policies/tova.ts';
import { policyNumberNames, type PolicyNumber } from '../../../gpu/kv/policies/fields.ts';
import { policyKeyOf } from '../../../worker/settings/policy-settings.ts';
import type { PolicyValues } from '../../../worker/settings/policy-request.ts';

/** A policy with the numbers of its paper or of its published code. */
export interface PublishedPolicy {
  readonly id: string;
  readonly label: string;
  /** Where the numbers are from. */
  readonly source: string;
  readonly arxiv: string;
  readonly policy: string;
  /** What LESS decides by, and the kernels that ship for it; null for the others. */
  readonly less: Pick<PolicyValues, 'policySparse' | 'policyKernels'> | null;
  readonly numbers: Readonly<Partial<Record<PolicyNumber, number>>>;
}

/** docs/policies.md, "Policies", says the same in words. Some numbers depend on the model's context. */
export const publishedPolicies = (contextTokens: number): readonly PublishedPolicy[] => [
  {
    id: 'streaming-llm',
    label: 'StreamingLLM: 4 sinks, and the rest of the context',
    source: 'StreamingLLM fills the model’s context with 4 sinks and the newest rows',
    arxiv: '2309.17453',
    policy: sinks.id,
    less: null,
    numbers: { sinks: 4, recent: Math.max(1, contextTokens - 4) },
  },
  {
    id: 'lckv-sinks',
    label: 'LCKV’s sink cache: 2 sinks, 254 recent rows',
    source: 'LCKV’s published code: num_sink_tokens 2 of window_length 256',
    arxiv: '2405.10637',
    policy: sinks.id,
    less: null,
    numbers: { sinks: 2, recent: 254 },
  },
  {
    id: 'h2o',
    label: 'H2O: 20 % of the prompt, half heavy hitters, half recent',
    source: 'H2O’s paper: 10 % heavy hitters and 10 % recent rows',
    arxiv: '2306.14048',
    policy: h2o.id,
    less: null,
    numbers: { cachePercent: 20, recentPercent: 50 },
  },
  {
    id: 'keyformer',
    label: 'Keyformer: 60 % of the prompt, 30 % of it recent',
    source: 'Keyformer’s paper; τ rises from 1 to 2 over the new tokens',
    arxiv: '2403.09054',
    policy: keyformer.id,
    less: null,
    numbers: { cachePercent: 60, recentPercent: 30, tauInit: 1 },
  },
  {
    id: 'tova',
    label: 'TOVA: an eighth of the context',
    source: 'TOVA’s paper comes near the full cache with an eighth of its rows',
    arxiv: '2401.06104',
    policy: tova.id,
    less: null,
    numbers: { rows: Math.max(1, Math.floor(contextTokens / 8)) },
  },
  {
    id: 'less-lambda',
    label: 'LESS over the Λ mask: 4 sinks, 4.9 % of the context',
    source: 'LESS’s published code, its baseline with the state',
    arxiv: '2402.09398',
    policy: less.id,
    less: { policySparse: lambda.id, policyKernels: 'less-lambda-12.safetensors' },
    numbers: { sinks: 4, recent: percentOf(contextTokens, 4.9) },
  },
  {
    id: 'less-h2o',
    label: 'LESS over H2O: 2.5 % and 2.5 % of the context',
    source: 'LESS’s paper: 5 % of the context, half heavy hitters',
    arxiv: '2402.09398',
    policy: less.id,
    less: { policySparse: h2o.id, policyKernels: 'less-h2o-12.safetensors' },
    numbers: { heavy: percentOf(contextTokens, 2.5), recent: percentOf(contextTokens, 2.5) },
  },
];

/** The settings of a published policy. What LESS alone has stays as it is for the others. */
export const settingsOf = (
  { policy, less: inside, numbers }: PublishedPolicy,
  { policySparse, policyKernels }: PolicyValues,
): PolicyValues => ({
  policySparse,
  policyKernels,
  ...inside,
  policy,
  policyPositions: 'published',
  ...numberSettings(numbers),
});

const numberSettings = (numbers: PublishedPolicy['numbers']) =>
  Object.fromEntries(policyNumberNames.map((name) => [policyKeyOf(name), numbers[name] ?? null])) as {
    readonly [Name in PolicyNumber as `policy${Capitalize<Name>}`]: number | null;
  }; // a setting for every name

/** The published policy that is set; null if its numbers are somebody's own. */
export const publishedIn = (
  published: readonly PublishedPolicy[],
  values: PolicyValues,
): PublishedPolicy | null =>
  published.find((each) =>
    Object.entries(settingsOf(each, values)).every(
      ([key, value]) => values[key as keyof PolicyValues] === value, // Object.entries forgets the keys
    ),
  ) ?? null;
