import type { PlaygroundConfig } from '../settings/settings.ts';
import type { Playground } from './playground.svelte.ts';

/** The files with kernels of LESS that come with a configuration's model, and which of them its settings name. */
export function kernelFilesOf(
  { model, policyKernels }: Readonly<Pick<PlaygroundConfig, 'model' | 'policyKernels'>>,
  { factsOf, models }: Pick<Playground, 'factsOf' | 'models'>,
) {
  const listed = models.find(({ id }) => id === model)?.kernels ?? [];
  const loaded = factsOf(model)?.kernels ?? [];
  const files = loaded.length > 0 ? loaded : listed;
  return { files, chosen: files.find(({ file }) => file === policyKernels) };
}
