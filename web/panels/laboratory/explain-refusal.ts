import type { Failure } from '../../../worker/protocol/failure.ts';
import { explain } from '../../ui/explain.ts';
import { words } from './words.ts';

/** A failure in words. What an experiment was refused for is about its fields, not about a run of the page. */
export const explainRefusal = (failure: Failure): string =>
  failure.code === 'bad-request' ? words.refused(failure.field, failure.reason) : explain(failure);
