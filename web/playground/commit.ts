/** The commit that this page was built from. */
export const commit: string = __KVTAB_COMMIT__;
