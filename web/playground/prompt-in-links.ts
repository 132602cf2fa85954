import { defaultConfig } from '../settings/settings.ts';

/** A longer prompt takes time to write into the links of the page at every key. */
const LONGEST = 2000;

/** The prompt that the page's own links carry; the default, which a link leaves out, if it is too long. */
export const promptInLinks = (prompt: string): string =>
  prompt.length > LONGEST ? defaultConfig.prompt : prompt;
