import { modelSource } from '#platform';
import type { Mode } from '../../gpu/plan/forward-plan.ts';

type ByStore<T> = Readonly<Record<string, readonly T[]>>;

/** A run of tests/fixtures/golden-policies, computed in float64. */
export interface GoldenPolicyRun {
  readonly name: string;
  readonly policy: { readonly id: string } & Readonly<Record<string, unknown>>;
  readonly mode: Mode;
  readonly turns: readonly { readonly tokens: readonly number[]; readonly new: number }[];
  readonly greedy: readonly (readonly number[])[];
  readonly steps: readonly {
    readonly fed: readonly number[];
    readonly logits: readonly number[];
    readonly kept: ByStore<readonly number[]>;
  }[];
  /** Absent without a policy. */
  readonly scores_after_prompt?: readonly ByStore<{
    readonly positions: readonly number[];
    readonly scores: readonly number[];
  }>[];
  readonly scores_at_end?: ByStore<readonly number[]>;
  /** Of LESS: after the cut that follows the last turn's prompt, and at the end. */
  readonly state_after_prompt?: ByStore<GoldenState>;
  readonly state_at_end?: ByStore<GoldenState>;
  readonly prompt_steps: readonly number[];
}

interface GoldenState {
  readonly z: readonly number[];
  readonly H: readonly (readonly number[])[];
}

export const goldenPolicyPlans = [
  ...['llama-gqa', 'mha', 'lckv-w2', 'cla', 'yoco', 'mixattention', 'mixed-readers', 'nodiag'],
  'sandwich-middle',
] as const;

export const goldenPolicyFolder = (plan: string) => `tests/fixtures/golden-policies/${plan}`;

export async function goldenPolicyRuns(plan: string): Promise<readonly GoldenPolicyRun[]> {
  const text = await modelSource(goldenPolicyFolder(plan)).text('golden.json');
  if (text === null) throw new Error(`${plan} has no golden.json`);
  return (JSON.parse(text) as { readonly runs: readonly GoldenPolicyRun[] }).runs;
}
