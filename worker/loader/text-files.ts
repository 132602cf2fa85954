import type { TextFiles } from '../text/text-api.ts';
import type { ModelSource } from './model-source.ts';

/** A model's tokenizer and template, not parsed yet; null if there is no tokenizer.json. */
export async function readTextFiles(source: ModelSource): Promise<TextFiles | null> {
  const tokenizer = await source.text('tokenizer.json');
  if (tokenizer === null) return null;
  const config = await source.text('tokenizer_config.json');
  return { tokenizer, config, template: await source.text('chat_template.jinja') };
}
