import { HostileFields, isObject } from '../hostile-fields.ts';
import { BadJson } from '../hostile-json.ts';
import { parseConfigJson } from './config-json.ts';
import { readFamily } from './family.ts';
import { CONFIG, refuseQuantized } from './model-config.ts';

/**
 * Refuses a config.json whose weights kvtab cannot read, whatever else it says, so that nobody downloads them. All else
 * is left to loading.
 *
 * @throws Refused with `bad-config`
 */
export function refuseHopeless(text: string): void {
  const json = objectIn(text);
  if (!json) return;
  const fields = new HostileFields(json, { file: CONFIG });
  if (fields.has('model_type')) readFamily(fields);
  refuseQuantized(fields);
}

function objectIn(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const json = parseConfigJson(text);
    return isObject(json) ? json : null;
  } catch (error) {
    if (error instanceof BadJson) return null;
    throw error;
  }
}
