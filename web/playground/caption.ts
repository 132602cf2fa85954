import { adapterTitle, describeAdapter } from '../ui/describe-adapter.ts';
import { cited } from './citation-words.ts';
import { version } from './citation-file.ts';
import { commit } from './commit.ts';
import type { Run } from './run.ts';

/** What a picture of a run says below it: its model, its plan, what computed it, and which kvtab. */
export function captionOf({
  modelId,
  layerTypes,
  adapter,
}: Pick<Run, 'modelId' | 'layerTypes'> & {
  /** Null if nothing was computed for the picture. */
  readonly adapter: Run['adapter'] | null;
}): readonly string[] {
  const described = adapter && describeAdapter(adapter);
  return [
    cited.captionModel(modelId, layerTypes),
    ...(described ? [cited.adapter(adapterTitle(described), described.detail)] : []),
    edition,
  ];
}

/** Which kvtab drew a picture. */
export const edition = cited.captionEdition(version, commit);
