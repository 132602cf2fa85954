/** The normalizers of a tokenizer.json, as the tokenizers library of Rust runs them. */
import { isObject, show } from '../hostile-fields.ts';
import { utf8AsByteLevel } from './byte-level.ts';
import { patternOf } from './pattern.ts';
import { precompiled } from './precompiled.ts';
import { replaceAll } from './split.ts';

export type Normalize = (text: string) => string;

/**
 * @param said the `normalizer` of a tokenizer.json
 * @throws Error that names what is wrong
 */
export async function openNormalizer(said: unknown): Promise<Normalize> {
  if (said === null || said === undefined) return (text) => text;
  if (!isObject(said)) throw new Error(`the normalizer is ${show(said)}, not an object`);
  switch (said['type']) {
    case 'Sequence': {
      const { normalizers } = said;
      if (!Array.isArray(normalizers)) throw new Error('a Sequence has no array of normalizers');
      const steps = await Promise.all(normalizers.map(openNormalizer));
      return (text) => steps.reduce((whole, step) => step(whole), text);
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = said['type'];
      return (text) => text.normalize(form);
    }
    case 'Lowercase':
      return lowercase;
    case 'StripAccents':
      return (text) => text.replaceAll(/\p{M}/gu, '');
    case 'Strip':
      return strip(said['strip_left'] !== false, said['strip_right'] !== false);
    case 'Prepend': {
      const prefix = textIn(said, 'prepend');
      return (text) => (text === '' ? '' : prefix + text);
    }
    case 'Replace': {
      const pattern = await patternOf(said['pattern']);
      const content = textIn(said, 'content');
      return (text) => replaceAll(pattern, text, content);
    }
    case 'BertNormalizer':
      return bert(said);
    case 'Nmt':
      return (text) => text.replaceAll(NMT_DROPPED, '').replaceAll(NMT_SPACES, ' ');
    case 'ByteLevel':
      return utf8AsByteLevel;
    case 'Precompiled':
      // Some files have none.
      return said['precompiled_charsmap']
        ? precompiled(textIn(said, 'precompiled_charsmap'))
        : (text) => text;
    default:
      throw new Error(`there is no normalizer ${show(said['type'])}`);
  }
}

function textIn(said: Readonly<Record<string, unknown>>, name: string): string {
  const text = said[name];
  if (typeof text !== 'string') throw new Error(`the ${name} of a normalizer is ${show(text)}, not a text`);
  return text;
}

/** Character by character: JavaScript alone writes a final sigma, "ς", which would be another token. */
const lowercase = (text: string) => text.replaceAll('Σ', 'σ').toLowerCase();

/** JavaScript's own `trim` differs from Unicode's white space in U+0085 and U+FEFF. */
const strip =
  (left: boolean, right: boolean): Normalize =>
  (text) => {
    const from = left ? (/^\p{White_Space}*/u.exec(text)?.[0].length ?? 0) : 0;
    let to = text.length;
    while (right && to > from && /\p{White_Space}/u.test(text.charAt(to - 1))) to--;
    return text.slice(from, to);
  };

function bert(said: Readonly<Record<string, unknown>>): Normalize {
  const lowers = said['lowercase'] !== false;
  const stripsAccents = said['strip_accents'] ?? lowers;
  const steps: readonly (Normalize | false)[] = [
    said['clean_text'] !== false &&
      ((text) =>
        text
          .replaceAll(/[\0\uFFFD]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}]/gu, '')
          .replaceAll(/\p{White_Space}/gu, ' ')),
    said['handle_chinese_chars'] !== false && ((text) => text.replaceAll(CHINESE, ' $& ')),
    stripsAccents === true && ((text) => text.normalize('NFD').replaceAll(/\p{Mn}/gu, '')),
    lowers && lowercase,
  ];
  const taken = steps.filter((step) => step !== false);
  return (text) => taken.reduce((whole, step) => step(whole), text);
}

/** The blocks that BERT's own tokenizer sets apart. */
const CHINESE =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;

// oxlint-disable-next-line no-control-regex -- what SentencePiece's nmt rules drop
const NMT_DROPPED = /[\u0001-\u0008\u000B\u000E-\u001F\u007F\u008F\u009F]/g;
const NMT_SPACES = /[\t\n\f\r\u1680\u200B-\u200F\u2028\u2029\u2581\uFEFF\uFFFD]/g;
