import type { PolicyLine } from './policy-curve.ts';

const colors = ['accent', 'warm', 'soft'] as const;

/** A color for each policy of a chart, in their order. */
export function policyColors(lines: readonly PolicyLine[]): (policy: string) => (typeof colors)[number] {
  const policies = [...new Set(lines.map(({ policy }) => policy))];
  return (policy) => colors[policies.indexOf(policy) % colors.length] ?? 'soft';
}
