import { outsideRange } from '../../plan/number-range.ts';
import { policyNumbers } from './fields.ts';
import { sparseKinds } from './less.ts';

/** A file with kernels of LESS that comes with a model, and what they were trained for. */
export interface KernelFile {
  readonly file: string;
  /** Features that a kernel gives, R: they decide how large a state is. */
  readonly rank: number;
  /** The plan that the kernels were trained for; null if the file does not say. */
  readonly layerTypes: string | null;
  /** The policy that decided which rows stayed; null if the file does not say. */
  readonly policy: TrainedPolicy | null;
}

/** A policy that may decide for LESS, with its rows; 0 for those that it does not have. */
export interface TrainedPolicy {
  readonly id: string;
  readonly sinks: number;
  readonly heavy: number;
  readonly recent: number;
}

export const rowsOfTrained = ({ sinks, heavy, recent }: TrainedPolicy): number => sinks + heavy + recent;

export function isTrainedPolicy(value: unknown): value is TrainedPolicy {
  if (typeof value !== 'object' || value === null) return false;
  const { id, ...numbers } = value as Partial<Record<keyof TrainedPolicy, unknown>>; // still unknown inside
  return (
    sparseKinds.some((kind) => kind.id === id) &&
    (['sinks', 'heavy', 'recent'] as const).every((name) => {
      const rows = numbers[name];
      return typeof rows === 'number' && outsideRange(rows, policyNumbers[name].range) === null;
    })
  );
}
