/** An experiment that is put together in the form: what varies, what is measured, and how much. */
import { policyKinds } from '../../../gpu/kv/policies/policies.ts';
import type { PolicyKind } from '../../../gpu/kv/policies/policy.ts';
import { shippedSets } from './shipped-sets.ts';

export const draftMeasures = ['tales', 'next', 'order', 'lastWord', 'recall', 'hidden', 'speed'] as const;
export type DraftMeasure = (typeof draftMeasures)[number];

export interface Draft {
  readonly models: readonly string[];
  /** One plan a line. */
  readonly plans: string;
  /** Numbers, separated by anything else. */
  readonly windows: string;
  readonly modes: readonly string[];
  readonly passes: string;
  readonly kv: readonly string[];
  readonly weights: readonly string[];
  readonly policies: readonly string[];
  /** The first is what the others are compared with. */
  readonly engines: readonly string[];
  readonly budgets: string;
  /** Every combination, or one change of the baseline at a time. */
  readonly combine: 'product' | 'list';
  readonly measures: readonly DraftMeasure[];
  /** The most items of each measure; null for all. */
  readonly limit: number | null;
  /** The tokens of each text that are read as a prompt, before a policy cuts; null for none. */
  readonly promptTokens: number | null;
  readonly rounds: number;
  /** Numbers of sequences that are timed at once, and `largest`, separated by anything else. */
  readonly batches: string;
}

/** Policies whose budget is rows, and that need no trained kernels. */
export const budgetedPolicies = policyKinds.filter(
  ({ id, fields }) =>
    id !== 'none' && id !== 'less' && (fields.includes('recent') || fields.includes('rows')),
);

/** StreamingLLM's. */
const SINKS = 4;

/** A policy that keeps this many rows: sinks and the newest, or half for their scores and half the newest. */
export function policyOfBudget({ id, fields }: Pick<PolicyKind, 'id' | 'fields'>, rows: number) {
  if (fields.includes('rows')) return { id, rows };
  if (fields.includes('sinks')) return { id, sinks: SINKS, recent: Math.max(1, rows - SINKS) };
  const recent = Math.ceil(rows / 2);
  return { id, heavy: rows - recent, recent };
}

/** The whole numbers in a text, each once. */
export const numbersIn = (text: string): readonly number[] => [
  ...new Set((text.match(/\d+/g) ?? []).map(Number)),
];

/** The sizes of batches in a text, each once; one sequence if there are none. */
export function batchesIn(text: string): readonly (number | 'largest')[] {
  const sizes = numbersIn(text).filter((size) => size >= 1 && size <= 4096);
  const all = [...sizes, ...(/largest/i.test(text) ? (['largest'] as const) : [])];
  return all.length === 0 ? [1] : all;
}

const linesOf = (text: string) => [
  ...new Set(
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
  ),
];

interface Factor {
  readonly name: string;
  readonly values: readonly unknown[];
}

function factorsOf(draft: Draft): readonly Factor[] {
  const policies = [
    { id: 'none' },
    ...budgetedPolicies
      .filter(({ id }) => draft.policies.includes(id))
      .flatMap((kind) => numbersIn(draft.budgets).map((rows) => policyOfBudget(kind, rows))),
  ];
  return [
    { name: 'model', values: draft.models },
    { name: 'layers', values: linesOf(draft.plans) },
    { name: 'window', values: numbersIn(draft.windows) },
    { name: 'mode', values: draft.modes },
    { name: 'forward', values: numbersIn(draft.passes) },
    { name: 'kv', values: draft.kv },
    { name: 'weights', values: draft.weights },
    { name: 'policy', values: policies },
    { name: 'engine', values: draft.engines.join() === 'kvtab' ? [] : draft.engines },
  ].filter(({ values }) => values.length > 0);
}

/** Whether a draft asks another engine for what it is not asked here: all but speed. */
export const asksTooMuch = ({ engines, measures }: Pick<Draft, 'engines' | 'measures'>): boolean =>
  engines.some((engine) => engine !== 'kvtab') && measures.some((measure) => measure !== 'speed');

/** The experiment that a draft says. */
export function draftExperiment(draft: Draft, name: string): Readonly<Record<string, unknown>> {
  const factors = factorsOf(draft);
  const fixed = factors.filter(({ values }) => values.length === 1);
  const varied = factors.filter(({ values }) => values.length > 1);
  const changes = varied.flatMap(({ name: factor, values }) =>
    values.slice(1).map((value) => ({ ...firstOf(varied), [factor]: value })),
  );
  return {
    experiment: 1,
    name,
    seed: 1,
    base: firstOf(fixed),
    vary:
      draft.combine === 'product'
        ? varied.map(({ name: factor, values }) => ({ [factor]: values }))
        : [{ variants: [firstOf(varied), ...changes] }],
    measure: draft.measures.map((measure) => measureOf(measure, draft)),
  };
}

const firstOf = (factors: readonly Factor[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(factors.map(({ name, values }) => [name, values[0]]));

function measureOf(measure: DraftMeasure, { limit, promptTokens, rounds, batches }: Draft) {
  const most = limit === null ? {} : { limit };
  switch (measure) {
    case 'tales': {
      const prompt = promptTokens === null ? {} : { promptTokens };
      const text = { text: shippedSets.tales, column: 'text', maxLength: 512, begin: 'once' };
      return { id: 'tales', kind: 'rolling', ...text, ...prompt, ...most };
    }
    case 'next':
    case 'order': {
      const columns = { context: 'ctx', choices: 'endings', gold: 'label' };
      return { id: measure, kind: 'choices', items: shippedSets[measure], ...columns, ...most };
    }
    case 'lastWord':
      return { id: 'last-word', kind: 'continuation', items: shippedSets.lastWord, ...most };
    case 'recall':
      return { id: 'recall', kind: 'recall', distances: [0, 100, 300, 440], repeats: limit ?? 12 };
    case 'hidden':
      return {
        ...{ id: 'hidden', kind: 'hidden', text: shippedSets.tales, column: 'text' },
        ...{ layers: 'all', maxLength: 512, limit: limit ?? 1 },
      };
    case 'speed':
      return {
        ...{ id: 'speed', kind: 'speed', prompt: [64], generate: [64], batch: batchesIn(batches) },
        ...{ budgetBytes: 268_435_456, rounds },
      };
    default:
      return measure satisfies never;
  }
}
