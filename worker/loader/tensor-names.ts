const PREFIX = 'model.';
const HEAD = 'lm_head.';

/**
 * Tables by tensor name in which the decoder's tensors are called `model.…`. A checkpoint of the bare decoder, without
 * the class for language models around it, lacks that prefix in all names. transformers loads both.
 *
 * @param tables the tensors of all files of one checkpoint
 */
export function withModelPrefix<T>(
  tables: readonly ReadonlyMap<string, T>[],
): readonly ReadonlyMap<string, T>[] {
  const names = tables.flatMap((table) => [...table.keys()]);
  const isBare = names.includes('embed_tokens.weight') && !names.some((name) => name.startsWith(PREFIX));
  if (!isBare) return tables;
  const renamed = (name: string) => (name.startsWith(HEAD) ? name : PREFIX + name);
  return tables.map((table) => new Map([...table].map(([name, entry]) => [renamed(name), entry])));
}
