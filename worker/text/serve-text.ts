import { expose } from 'comlink';
import { ModelText } from './model-text.ts';

/**
 * Answers the engine's worker from this one. Tokenizers and templates have a worker of their own, because a worker can
 * be ended from outside whatever it is doing: see guarded-text.ts.
 */
export function serveText(): void {
  expose(new ModelText());
}
