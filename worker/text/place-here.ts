import type { TextPlace } from './guarded-text.ts';
import { ModelText } from './model-text.ts';

/**
 * On the engine's own thread, for programs that a person can interrupt. Steps and sizes are bounded here too. Only a
 * regular expression in a hostile tokenizer can keep such a program busy forever.
 */
export const placeHere = (): TextPlace => ({
  api: new ModelText(),
  broken: new Promise(() => undefined),
  end: () => undefined,
});
