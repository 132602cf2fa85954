import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import { describeSettings } from '../../worker/settings/words.ts';
import { adapterTitle, describeAdapter } from '../ui/describe-adapter.ts';
import { cited } from './citation-words.ts';
import { version } from './citation-file.ts';
import { commit } from './commit.ts';
import type { Run } from './run.ts';

/** What a picture of a run says below it: its model, its plan, its cache policy, what computed it, and which kvtab. */
export function captionOf({
  modelId,
  layerTypes,
  settings,
  adapter,
}: Pick<Run, 'modelId' | 'layerTypes'> & {
  /** What was set for the run; null if the picture does not depend on it. */
  readonly settings: Run['settings'] | null;
  /** Null if nothing was computed for the picture. */
  readonly adapter: Run['adapter'] | null;
}): readonly string[] {
  const described = adapter && describeAdapter(adapter);
  const evicts = settings !== null && settings.policy !== keepEverything.id;
  return [
    cited.captionModel(modelId, layerTypes),
    ...(evicts ? [cited.form.policy(describeSettings(settings, ({ part }) => part === 'policy'))] : []),
    ...(described ? [cited.adapter(adapterTitle(described), described.detail)] : []),
    edition,
  ];
}

/** Which kvtab drew a picture. */
export const edition = cited.captionEdition(version, commit);
