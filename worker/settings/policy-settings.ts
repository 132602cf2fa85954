/**
 * The settings of a cache policy: the policy itself, where keys stand, and every number that some policy has. All of it
 * comes from the registry of policies, so that a new one needs no row here.
 */
import { numbersOf } from '../../gpu/kv/policies/complete-policy.ts';
import { policyNumberNames, policyNumbers, type PolicyNumber } from '../../gpu/kv/policies/fields.ts';
import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import { lambda } from '../../gpu/kv/policies/lambda.ts';
import { less, sparseKinds } from '../../gpu/kv/policies/less.ts';
import { policyKinds } from '../../gpu/kv/policies/policies.ts';
import type { PolicyKind, PolicyPositions } from '../../gpu/kv/policies/policy.ts';
import { isKernelFile, LONGEST_KERNEL_FILE } from '../../gpu/kv/policies/kernel-file-name.ts';
import type { ChoiceSetting, NumberSetting, TextSetting } from './setting.ts';

type Of<Row> = Row & { readonly part: 'policy' };

/** `policySinks`: some names alone, as `seed`, are those of other settings. */
type KeyOf<Name extends PolicyNumber> = `policy${Capitalize<Name>}`;

export const policyKeyOf = <Name extends PolicyNumber>(name: Name) =>
  `policy${name.charAt(0).toUpperCase()}${name.slice(1)}` as KeyOf<Name>; // what Capitalize says

type NumberRows = { readonly [Name in PolicyNumber as KeyOf<Name>]: Of<NumberSetting> };

const common = { part: 'policy', form: 'policy', compared: true, headless: null } as const;

const underLess = { policy: [less.id] };

const idsOf = (kinds: readonly PolicyKind[], has: (kind: PolicyKind) => boolean) =>
  kinds.filter(has).map(({ id }) => id);

/** For a policy that has it, or under LESS for the one that decides. */
const shownFor = (has: (kind: PolicyKind) => boolean) => [
  { policy: idsOf(policyKinds, (kind) => kind !== less && has(kind)) },
  { ...underLess, policySparse: idsOf(sparseKinds, has) },
];

/** Links already call something else `seed`. */
const linkOf = (name: PolicyNumber) => (name === 'seed' ? 'noiseSeed' : name);

const numberRow = (name: PolicyNumber): Of<NumberSetting> => {
  const { range, label, meaning } = policyNumbers[name];
  return {
    ...common,
    kind: 'number',
    initial: null,
    mayBeEmpty: true,
    range,
    step: range.whole ? 1 : 0.01,
    link: linkOf(name),
    label,
    meaning,
    wide: name === 'chunk',
    shownIf: shownFor((kind) => numbersOf(kind).includes(name)),
  };
};

const numberRows = Object.fromEntries(
  policyNumberNames.map((name) => [policyKeyOf(name), numberRow(name)]),
) as NumberRows; // a row for every name

export const policySettings = {
  policy: {
    ...common,
    kind: 'choice',
    initial: keepEverything.id,
    options: Object.fromEntries(policyKinds.map(({ id, label }) => [id, label])),
    link: 'policy',
    label: 'Cache policy',
    meaning: 'Which rows of the KV cache stay while the text grows',
    wide: true,
    shownIf: null,
  } satisfies Of<ChoiceSetting>,
  policySparse: {
    ...common,
    kind: 'choice',
    initial: lambda.id,
    options: Object.fromEntries(sparseKinds.map(({ id, label }) => [id, label])),
    link: 'sparse',
    label: 'Rows kept by',
    meaning: 'The policy that decides which rows stay; the rows that it evicts go into the state',
    wide: true,
    shownIf: [underLess],
  } satisfies Of<ChoiceSetting>,
  policyKernels: {
    ...common,
    kind: 'text',
    initial: 'less-lambda-12.safetensors',
    link: 'kernels',
    label: 'Trained kernels',
    meaning: 'A file that comes with the model. It serves other policies and budgets too, but less well',
    longest: LONGEST_KERNEL_FILE,
    accepts: isKernelFile,
    wide: true,
    shownIf: [underLess],
  } satisfies Of<TextSetting>,
  ...numberRows,
  policyPositions: {
    ...common,
    kind: 'choice',
    initial: 'published',
    options: {
      published: 'As published',
      absolute: 'Of the text',
      cache: 'Of the cache',
    } satisfies Record<PolicyPositions | 'published', string>,
    link: 'positions',
    label: 'Positions',
    meaning:
      'Where keys and queries stand: at their places in the text, which leave holes, or in a row within the cache, so that the text may outgrow the context',
    wide: true,
    shownIf: [{ policy: idsOf(policyKinds, ({ positions }) => positions.length > 1) }],
  } satisfies Of<ChoiceSetting>,
} as const;
