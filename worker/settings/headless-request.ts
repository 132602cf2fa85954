import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import { headlessPlaceOf } from './headless-place.ts';
import { isFolderId } from './model-name.ts';
import { policyRequestOf } from './policy-request.ts';
import type { SettingValue } from './setting.ts';
import { seedsFrom } from './seeds-from.ts';
import { settings, type SettingValues } from './settings.ts';
import { keysWhere } from './values.ts';

type Fields = Record<string, unknown>;

/**
 * The settings as a request to the headless runner, with everything explicit: what `npm run headless` reads from standard
 * input. Several continuations are as many sequences, which differ in their seeds. Numbers that are missing stay out. A model that was opened from a folder is named by that folder alone.
 *
 * @param messages of a chat, which go instead of the prompt; null without one
 */
export function headlessRequestOf(
  values: Readonly<SettingValues>,
  messages: readonly unknown[] | null = null,
): Fields {
  const request: Fields = {};
  for (const key of keysWhere(() => true)) {
    const place = headlessPlaceOf(settings[key]);
    const value = key === 'model' ? headlessModel(values.model) : values[key];
    if (!place || value === null) continue;
    put(request, place.object, place.name, value);
  }
  if (values.policy !== keepEverything.id) request['policy'] = policyRequestOf(values);
  const { continuations, seed, prompt } = values;
  if (continuations !== null && continuations > 1 && seed !== null) {
    delete request['prompt'];
    request['sequences'] = seedsFrom(seed, continuations).map((each) => ({
      prompt,
      sampling: { seed: each },
    }));
  }
  if (messages) {
    delete request['prompt'];
    request['messages'] = messages;
  }
  return request;
}

function put(request: Fields, object: string | null, name: string, value: SettingValue): void {
  if (object === null) request[name] = value;
  else request[object] = { ...(request[object] as Fields | undefined), [name]: value };
}

/** The page writes `owner/name` for a repository of the Hub, where the runner expects a folder. */
function headlessModel(id: string): string {
  if (isFolderId(id)) return id.slice(id.indexOf(':') + 1);
  return id.includes('/') ? `hub:${id}` : id;
}
