import { rowsOfBudget } from '../../../gpu/kv/policies/cut.ts';
import { rowsOfTrained, type KernelFile, type TrainedPolicy } from '../../../gpu/kv/policies/kernel-file.ts';
import { decidingKind, policyKind } from '../../../gpu/kv/policies/policies.ts';
import type { Policy } from '../../../gpu/kv/policies/policy.ts';
import type { SelectOption } from '../../ui/select-option.ts';
import { words } from './words.ts';

/** The kernels that come with a model, each with what it was trained for. One that is chosen but not there says so. */
export function kernelOptions(files: readonly KernelFile[], chosen: string): readonly SelectOption<string>[] {
  const options = files.map(({ file, policy }) => ({
    value: file,
    label: words.kernels.option(file, policy && nameOf(policy)),
  }));
  if (files.some(({ file }) => file === chosen)) return options;
  return [...options, { value: chosen, label: words.kernels.absent(chosen) }];
}

/** What kernels were trained for and the settings are not, in words; empty if they fit, or do not say. */
export function misfitsOf(
  { layerTypes, policy: trained }: KernelFile,
  policy: Policy,
  { plan, contextTokens }: { readonly plan: string; readonly contextTokens: number },
): readonly string[] {
  const misfits: string[] = [];
  if (layerTypes !== null && layerTypes !== plan) misfits.push(words.kernels.otherPlan(layerTypes));
  if (trained && trained.id !== policy.sparse) {
    misfits.push(words.kernels.otherPolicy(policyKind(trained.id).label));
  }
  const rows = rowsOfBudget(decidingKind(policy).budget(policy, contextTokens));
  if (trained && rowsOfTrained(trained) !== rows) {
    misfits.push(words.kernels.otherBudget(rowsOfTrained(trained), rows));
  }
  return misfits;
}

const nameOf = (policy: TrainedPolicy) =>
  words.kernels.trainedFor(policyKind(policy.id).label, rowsOfTrained(policy));
