import { openFilesSource } from '../loader/files-source.ts';
import type { ModelSource } from '../loader/model-source.ts';
import { openPageSource } from '../loader/page-source.ts';
import { valueOf } from '../outcome.ts';
import { pageUrl } from '../page-url.ts';
import type { ModelRef } from '../protocol/load.ts';
import { openHubSource } from './hub-source.ts';

/**
 * Where any model's files come from: one that ships, files that were opened, or a repository, which is read from this
 * device if it is stored.
 */
export async function openSource(model: ModelRef): Promise<ModelSource> {
  if (typeof model === 'string') return valueOf(openPageSource(pageUrl().href, model));
  if (model.from === 'files') return openFilesSource(model.files);
  return openHubSource(model, new AbortController().signal);
}
