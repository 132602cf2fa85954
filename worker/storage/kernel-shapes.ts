import { openSpace } from './space.ts';

/** Filled in by the build: the commit, and a digest of what was changed since. */
declare const __KVTAB_ENGINE__: string;

const space = openSpace('kernel-shapes', (value): value is number => typeof value === 'number');

/** Which size of a workgroup was the fastest, by adapter and shapes. Another version of the kernels measures again. */
export const kernelShapes = {
  get: (key: readonly string[]) => space.get([__KVTAB_ENGINE__, ...key]),
  set: async (key: readonly string[], workgroup: number) => {
    const versions = new Set((await space.keys()).map(([version]) => version));
    for (const version of versions) {
      if (version !== undefined && version !== __KVTAB_ENGINE__) await space.remove([version]);
    }
    await space.set([__KVTAB_ENGINE__, ...key], workgroup);
  },
};
