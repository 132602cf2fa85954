import { keysWhere } from '../../../worker/settings/values.ts';
import { settings } from '../../../worker/settings/settings.ts';
import { build } from '../../playground/citation-file.ts';
import type { Playground } from '../../playground/playground.svelte.ts';
import { endpointOf } from '../../settings/endpoint.ts';
import { explicitHash } from '../../settings/explicit-hash.ts';
import { decodeHash, escapeValue } from '../../settings/hash.ts';
import type { PlaygroundConfig } from '../../settings/settings.ts';
import { MOST_CONTENDERS, runners, type Contender, type Runner } from './compared.ts';
import { words } from './words.ts';

/** Settings in which contenders may differ, their own sampling and prompt not among them. */
const comparedKeys = keysWhere((row) => row.compared);

/** Who runs a contender, if it is not kvtab. */
const engineIs = (runner: Runner) => `engine=${runner}`;

/**
 * A comparison as the part of an address after `#`: the common settings, and for each contender, numbered from 1, what
 * is different: `…&1.layers=0_6_6_6_6_6_6_7&2.layers=0_1_2_3_4_5_6_7`.
 */
export function contendersHash(
  common: Readonly<PlaygroundConfig>,
  contenders: readonly Pick<Contender, 'config' | 'runner'>[],
): string {
  const parts = contenders.flatMap(({ config, runner }, i) => [
    ...comparedKeys
      .filter((key) => key === 'model' || (config[key] !== null && config[key] !== common[key]))
      .map((key) => `${i + 1}.${settings[key].link}=${escapeValue(String(config[key]))}`),
    ...(runner === 'kvtab' ? [] : [`${i + 1}.${engineIs(runner)}`]),
  ]);
  return [explicitHash(common, build), ...parts].join('&');
}

/**
 * Reads the contenders of a link whose common settings are set already.
 *
 * @param parts fields as they stand in the address: `2.layers=0_1`
 */
export function readContenders(
  parts: readonly string[],
  { config: common, models, brought }: Pick<Playground, 'config' | 'models' | 'brought'>,
): { readonly contenders: readonly Omit<Contender, 'id'>[]; readonly complaints: readonly string[] } {
  const complaints: string[] = [];
  const contenders = Array.from({ length: MOST_CONTENDERS }, (_, i) => `${i + 1}.`).flatMap((prefix, i) => {
    const own = parts.filter((part) => part.startsWith(prefix)).map((part) => part.slice(prefix.length));
    if (own.length === 0) return [];
    const runner = runners.find((each) => own.includes(engineIs(each))) ?? 'kvtab';
    const { values, complaints: wrong } = decodeHash(
      own.filter((part) => part !== engineIs(runner)).join('&'),
    );
    complaints.push(...wrong.map((complaint) => words.ofConfiguration(i + 1, complaint)));
    const compared = Object.fromEntries(
      comparedKeys.flatMap((key) => (key in values ? [[key, values[key]]] : [])),
    );
    const config: PlaygroundConfig = { ...common, ...compared };
    const known =
      models.some(({ id }) => id === config.model) ||
      (brought.has(config.model) && endpointOf(brought.get(config.model)) === config.endpoint);
    if (known) return [{ config, runner }];
    complaints.push(words.modelMissing(i + 1, config.model));
    return [];
  });
  return { contenders, complaints };
}
