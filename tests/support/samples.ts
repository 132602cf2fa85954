import { runningIn } from '#platform';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** How much of what is random or slow a run of the decoder's tests takes. */
    samples: 'some' | 'all';
  }
}

/**
 * How many cases a run takes: `npm run test:nightly` all of them, any other run a sample. SwiftShader in Chromium compiles
 * a kernel in about a second, ten times as long as lavapipe in Node, and gets a smaller sample.
 */
export function sampleOf(cases: {
  readonly all: number;
  readonly node: number;
  readonly chromium: number;
}): number {
  return inject('samples') === 'all' ? cases.all : cases[runningIn];
}
