/**
 * The version that records are keyed by: package.json's, and the commit, because numbers may change with every commit.
 *
 * @param commit what a build or a tool was made from
 */
export const engineVersionAt = (commit: string): string => `0.1.0+${commit}`;
