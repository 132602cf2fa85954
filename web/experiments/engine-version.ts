import { engineVersionAt } from '../../worker/laboratory/engine-version.ts';

/** Filled in by the build: the commit, and a digest of what was changed since. */
declare const __KVTAB_ENGINE__: string;

/** What the records of this page are keyed by: those of the command line at the same commit are the same. */
export const engineVersion = engineVersionAt(__KVTAB_ENGINE__);
