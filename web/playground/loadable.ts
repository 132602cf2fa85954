import type { PlaygroundConfig } from '../settings/settings.ts';

/** The settings that decide which weights the worker holds; if one changes, the model is loaded again. */
export type Loadable = Pick<
  PlaygroundConfig,
  'model' | 'endpoint' | 'backend' | 'weights' | 'quantizeEmbeddings'
>;

export const loadableOf = ({
  model,
  endpoint,
  backend,
  weights,
  quantizeEmbeddings,
}: Readonly<PlaygroundConfig>): Loadable => ({
  model,
  endpoint,
  backend,
  weights,
  quantizeEmbeddings,
});

export const isSameLoadable = (a: Loadable | null, b: Loadable) =>
  a?.model === b.model &&
  a.endpoint === b.endpoint &&
  a.backend === b.backend &&
  a.weights === b.weights &&
  a.quantizeEmbeddings === b.quantizeEmbeddings;
