/** Vocabularies of words: whole ones, and those that are put together from their pieces. */
import { show } from '../../hostile-fields.ts';
import { lacks, type Vocabulary } from './vocabulary.ts';

type Fields = Readonly<Record<string, unknown>>;

export function wholeWords({ unk_token: said }: Fields, ids: ReadonlyMap<string, number>): Vocabulary {
  const unknown = typeof said === 'string' ? ids.get(said) : undefined;
  const idsOf = (word: string) => {
    const id = ids.get(word) ?? unknown;
    if (id === undefined) throw lacks(show(word));
    return [id];
  };
  return { ids, size: ids.size, idsOf, notice: null };
}

const LONGEST_WORD = 100;

/** BERT's: from the left, the longest token that the rest of the word begins with. */
export function wordPieces(model: Fields, ids: ReadonlyMap<string, number>): Vocabulary {
  const text = (name: string, fallback: string) => (typeof model[name] === 'string' ? model[name] : fallback);
  const unknown = ids.get(text('unk_token', '[UNK]'));
  const prefix = text('continuing_subword_prefix', '##');
  const most = model['max_input_chars_per_word'];
  const longest = typeof most === 'number' ? most : LONGEST_WORD;

  const piecesOf = (word: string): readonly number[] | null => {
    const characters = Array.from(word);
    if (characters.length > longest) return null;
    const found: number[] = [];
    for (let from = 0; from < characters.length;) {
      let to = characters.length;
      let id: number | undefined;
      for (; to > from; to--) {
        id = ids.get((from > 0 ? prefix : '') + characters.slice(from, to).join(''));
        if (id !== undefined) break;
      }
      if (id === undefined) return null;
      found.push(id);
      from = to;
    }
    return found;
  };
  const idsOf = (word: string) => {
    const found = piecesOf(word);
    if (found) return found;
    if (unknown === undefined) throw lacks(show(word));
    return [unknown];
  };
  return { ids, size: ids.size, idsOf, notice: null };
}
