import type { BroughtModel } from '../../worker/protocol/load.ts';
import { defaultConfig } from './settings.ts';

/** The server that a model came from; the default one if it came from none. */
export const endpointOf = (model: BroughtModel | undefined): string =>
  model?.from === 'hub' ? model.endpoint : defaultConfig.endpoint;

/** The commit of a repository that a model came from; null if it came from none. */
export const commitOf = (model: BroughtModel | undefined): string | null =>
  model?.from === 'hub' ? (model.commit ?? null) : null;
