/** Written by vite.config.ts; `unknown` outside of a checkout. */
declare const __KVTAB_COMMIT__: string;

/** The commit that this page was built from. */
export const commit: string = __KVTAB_COMMIT__;
