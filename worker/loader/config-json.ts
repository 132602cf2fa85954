import { parseHostileJson } from '../hostile-json.ts';

/** Real ones have some kilobytes. */
const limits = { length: 2 ** 20, values: 100_000, names: 10_000, nonFinite: true, isFile: true };

/** A config.json or generation_config.json, which Python writes and reads. Throws BadJson. */
export const parseConfigJson = (text: string): unknown => parseHostileJson(text, limits);
