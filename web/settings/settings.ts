import type { SettingValues } from '../../worker/settings/settings.ts';
import { initialValues, partOf, unnamedValues } from '../../worker/settings/values.ts';

/** Everything that a person can set: the document of which the page is the editor. */
export type PlaygroundConfig = SettingValues;

/** What the page opens with. The model's own sharing replaces this one as soon as it is known. */
export const defaultConfig: Readonly<PlaygroundConfig> = initialValues();

/** What a link that sets something means by what it does not name: the same in every version of the page. */
export const linkDefaults: Readonly<PlaygroundConfig> = unnamedValues();

/** The sharing of a configuration, as values. */
export const sharingOf = (config: Readonly<PlaygroundConfig>) => partOf('sharing', config);
