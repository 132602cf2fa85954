import type { HostileFields } from '../hostile-fields.ts';

/** Far more than any model has. */
const MOST_ENDS = 10_000;

/** The tokens that end a text: `eos_token_id` is one id or an array of them. */
export function readEnds(fields: HostileFields, vocabSize: number): readonly number[] {
  const said: unknown = fields.raw('eos_token_id') ?? [];
  const ids: readonly unknown[] = Array.isArray(said) ? said : [said];
  if (ids.length > MOST_ENDS) fields.refuse('eos_token_id', `it names ${ids.length} tokens`);
  return ids.flatMap((id) => {
    if (!Number.isSafeInteger(id))
      fields.refuse('eos_token_id', 'it is neither a token nor an array of tokens');
    return tokenOrNull(id, vocabSize) ?? [];
  });
}

/** Some files write -1, or a token beyond the vocabulary, for "none". */
export const tokenOrNull = (id: unknown, vocabSize: number): number | null =>
  typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < vocabSize ? id : null;
