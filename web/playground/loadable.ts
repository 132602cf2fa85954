import { reloads } from '../../worker/settings/setting.ts';
import { keysWhere, valuesOf } from '../../worker/settings/values.ts';
import type { PlaygroundConfig } from '../settings/settings.ts';

const keys = keysWhere(reloads);

/** The settings that decide which weights the worker holds; if one changes, the model is loaded again. */
export type Loadable = Readonly<Partial<PlaygroundConfig>>;

export const loadableOf = (config: Readonly<PlaygroundConfig>): Loadable => valuesOf(keys, config);

export const isSameLoadable = (a: Loadable | null, b: Loadable) =>
  a !== null && keys.every((key) => a[key] === b[key]);
