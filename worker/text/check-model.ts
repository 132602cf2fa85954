import { isObject, show } from '../hostile-fields.ts';

/** The kinds of vocabulary that the tokenizers library knows. Old files do not name theirs. */
const kinds: readonly unknown[] = [undefined, 'BPE', 'Unigram', 'WordPiece', 'WordLevel'];

/**
 * Refuses a `model` of a tokenizer.json that the library would misread: it takes an unknown kind for whatever kind its
 * fields resemble, and ids as they come.
 *
 * @throws Error that names what is wrong
 */
export function checkModel(model: unknown): void {
  if (!isObject(model)) throw new Error(`tokenizer.json: its model is ${show(model)}, not an object`);
  const { type, vocab, merges, unk_token: unknown, unk_id: unknownId } = model;
  if (!kinds.includes(type)) throw new Error(`there is no kind of vocabulary ${show(type)}`);
  if (type === 'Unigram' || Array.isArray(vocab)) {
    checkPieces(vocab);
    if (typeof unknownId === 'number' && !(Array.isArray(vocab) && unknownId in vocab)) {
      throw new Error(`tokenizer.json: its unk_id, ${unknownId}, is not a token`);
    }
    return;
  }
  if (!isObject(vocab)) throw new Error(`tokenizer.json: its vocab is ${show(vocab)}, not an object`);
  for (const [token, id] of Object.entries(vocab)) {
    if (typeof id === 'number' && Number.isSafeInteger(id) && id >= 0) continue;
    throw new Error(`tokenizer.json: the id of ${show(token)} is ${show(id)}, not a whole number from 0 on`);
  }
  if (type === 'BPE' && !Array.isArray(merges)) {
    throw new Error(`tokenizer.json: its merges are ${show(merges)}, not an array`);
  }
  if (unknown !== undefined && unknown !== null && typeof unknown !== 'string') {
    throw new Error(`tokenizer.json: its unk_token is ${show(unknown)}, not a text`);
  }
}

/** A Unigram's vocabulary: its tokens in the order of their ids, each with its score. */
function checkPieces(vocab: unknown): void {
  if (!Array.isArray(vocab)) throw new Error(`tokenizer.json: its vocab is ${show(vocab)}, not an array`);
  if (vocab.length === 0) throw new Error('tokenizer.json: its vocab is empty');
  for (const [id, piece] of (vocab as readonly unknown[]).entries()) {
    const [token, score] = Array.isArray(piece) ? (piece as readonly unknown[]) : [];
    if (typeof token === 'string' && typeof score === 'number') continue;
    throw new Error(`tokenizer.json: entry ${id} of its vocab is ${show(piece)}, not a token and its score`);
  }
}
