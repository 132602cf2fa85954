import { rowsOfBudget } from './cut.ts';
import { h2o } from './h2o.ts';
import { keyNorm } from './key-norm.ts';
import { keyformer } from './keyformer.ts';
import { lambda } from './lambda.ts';
import { less } from './less.ts';
import { none } from './none.ts';
import type { Policy, PolicyKind, PolicyOptions } from './policy.ts';
import { sinks } from './sinks.ts';
import { tova } from './tova.ts';

/** Every kind of policy, in the order in which it is offered. A new one is a file of its own and a row here. */
export const policyKinds: readonly PolicyKind[] = [none, sinks, lambda, h2o, keyformer, tova, keyNorm, less];

/** The kind with this id. */
export function policyKind(id: string): PolicyKind {
  const kind = policyKinds.find((each) => each.id === id);
  if (!kind) throw new RangeError(`there is no cache policy ${id}`);
  return kind;
}

/** The kind that decides which rows stay: under LESS it is another one's. */
export const decidingKind = ({ id, sparse }: Pick<Policy, 'id' | 'sparse'>): PolicyKind =>
  policyKind(sparse ?? id);

/** The most rows of a KV head that a policy leaves, if the latest prompt ends after so many tokens. */
export const mostRows = (policy: Policy, promptTokens: number): number =>
  rowsOfBudget(policyKind(policy.id).budget(policy, promptTokens));

/** The most rows of a KV head that a query sees: those that a cut left, and a prompt or a chunk of one. */
export const mostRowsAtOnce = ({ policy, promptTokens }: PolicyOptions, capacityTokens: number): number =>
  Math.min(capacityTokens, mostRows(policy, promptTokens) + Math.max(1, policy.chunk ?? promptTokens));
