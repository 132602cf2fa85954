import { isObject, show } from '../../hostile-fields.ts';
import { bytePairs } from './byte-pairs.ts';
import { unigram } from './unigram.ts';
import type { Vocabulary } from './vocabulary.ts';
import { wholeWords, wordPieces } from './words.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * @param model the `model` of a tokenizer.json
 * @throws Error that names what is wrong
 */
export function openVocabulary(model: unknown): Vocabulary {
  if (!isObject(model)) throw new Error(`tokenizer.json: its model is ${show(model)}, not an object`);
  const kind = kindOf(model);
  if (kind === 'Unigram') return unigram(model, piecesOf(model));
  const { unk_token: unknown } = model;
  if (unknown !== undefined && unknown !== null && typeof unknown !== 'string') {
    throw new Error(`tokenizer.json: its unk_token is ${show(unknown)}, not a text`);
  }
  const ids = idsOf(model['vocab']);
  switch (kind) {
    case 'BPE':
      if (!Array.isArray(model['merges'])) {
        throw new Error(`tokenizer.json: its merges are ${show(model['merges'])}, not an array`);
      }
      return bytePairs(model, ids);
    case 'WordPiece':
      return wordPieces(model, ids);
    case 'WordLevel':
      return wholeWords(model, ids);
    default:
      throw new Error(`there is no kind of vocabulary ${show(kind)}`);
  }
}

/** Old files do not name the kind of theirs. */
function kindOf({ type, vocab, merges, max_input_chars_per_word: longest }: Fields): unknown {
  if (type !== undefined) return type;
  if (Array.isArray(vocab)) return 'Unigram';
  if (merges !== undefined) return 'BPE';
  return longest === undefined ? 'WordLevel' : 'WordPiece';
}

function idsOf(vocab: unknown): ReadonlyMap<string, number> {
  if (!isObject(vocab)) throw new Error(`tokenizer.json: its vocab is ${show(vocab)}, not an object`);
  const ids = new Map<string, number>();
  for (const [token, id] of Object.entries(vocab)) {
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) {
      throw new Error(
        `tokenizer.json: the id of ${show(token)} is ${show(id)}, not a whole number from 0 on`,
      );
    }
    ids.set(token, id);
  }
  return ids;
}

/** A Unigram's vocabulary: its tokens in the order of their ids, each with its score. */
function piecesOf({ vocab, unk_id: unknown }: Fields): readonly (readonly [string, number])[] {
  if (!Array.isArray(vocab)) throw new Error(`tokenizer.json: its vocab is ${show(vocab)}, not an array`);
  if (vocab.length === 0) throw new Error('tokenizer.json: its vocab is empty');
  const pieces = vocab.map((piece: unknown, id) => {
    const [token, score] = Array.isArray(piece) ? (piece as readonly unknown[]) : [];
    if (typeof token === 'string' && typeof score === 'number') return [token, score] as const;
    throw new Error(`tokenizer.json: entry ${id} of its vocab is ${show(piece)}, not a token and its score`);
  });
  if (typeof unknown === 'number' && !(unknown in pieces)) {
    throw new Error(`tokenizer.json: its unk_id, ${unknown}, is not a token`);
  }
  return pieces;
}
