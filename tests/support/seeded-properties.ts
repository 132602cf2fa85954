import fc from 'fast-check';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where every random draw of the tests starts: `KVTAB_SEED`, or the same number each time. */
    seed: number;
  }
}

// A change is judged by the same inputs as the change before it; `npm run test:nightly` draws new ones.
fc.configureGlobal({ seed: inject('seed') });

export { fc };
