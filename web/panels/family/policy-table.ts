import { policyKinds } from '../../../gpu/kv/policies/policies.ts';
import { isRecord } from '../../models/is-record.ts';
import type { MeasuredPolicies, MeasuredPolicy, PolicyTable } from '../../../worker/protocol/policy-table.ts';

/** The measured policies of the models that ship; null if they cannot be fetched. */
export async function fetchPolicyTable(pageUrl: string): Promise<PolicyTable | null> {
  try {
    const response = await fetch(new URL('models/policies.json', pageUrl));
    return response.ok ? readPolicyTable(await response.json()) : null;
  } catch {
    return null;
  }
}

/** A table without the entries that cannot be read; null if it is none. */
export function readPolicyTable(json: unknown): PolicyTable | null {
  if (!isRecord(json)) return null;
  const { windows, windowTokens, promptTokens, models } = json;
  if (!isAmount(windows) || !isAmount(windowTokens) || !isAmount(promptTokens)) return null;
  if (!Array.isArray(models)) return null;
  return { windows, windowTokens, promptTokens, models: models.filter(isMeasuredModel) };
}

const isAmount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0;

const isMeasuredModel = (value: unknown): value is MeasuredPolicies =>
  isRecord(value) &&
  typeof value['id'] === 'string' &&
  isAmount(value['kvBytes']) &&
  isAmount(value['bitsPerByte']) &&
  Array.isArray(value['points']) &&
  value['points'].every(isMeasuredPolicy);

const isMeasuredPolicy = (value: unknown): value is MeasuredPolicy =>
  isRecord(value) &&
  policyKinds.some(({ id }) => id === value['policy']) &&
  typeof value['less'] === 'boolean' &&
  ['rows', 'kvBytes', 'bitsPerByte', 'standardError'].every((name) => isAmount(value[name]));
