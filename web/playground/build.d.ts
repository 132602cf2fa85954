/** The commit that this page was built from, `unknown` outside of a checkout. Written by vite.config.ts. */
declare const __KVTAB_COMMIT__: string;
