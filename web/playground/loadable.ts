import type { PlaygroundConfig } from '../settings/settings.ts';

/** What decides which model the worker holds. */
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
