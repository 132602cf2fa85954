import { describeSettings } from '../../../worker/settings/words.ts';
import type { Contender } from './compared.ts';

/** The settings that make a contender what it is. How kvtab runs it says nothing of another engine. */
export const describeContender = ({ config, runner }: Pick<Contender, 'config' | 'runner'>): string =>
  describeSettings(
    config,
    (row) => row.compared && row.form !== null && (runner === 'kvtab' || row.part !== 'run'),
  );
