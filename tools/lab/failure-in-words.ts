import type { Failure } from '../../worker/protocol/failure.ts';

export function failureInWords(failure: Failure): string {
  if (failure.code === 'bad-request') return `${failure.field}: ${failure.reason}`;
  return JSON.stringify(failure);
}
