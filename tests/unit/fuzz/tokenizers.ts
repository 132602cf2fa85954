/** Edited tokenizers: a shipped one, cut to a few hundred tokens, and one of each other kind. */
import { tokenizerJson } from '../hostile/tiny-model.ts';

interface TokenizerJson {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (readonly [string, string])[];
  };
}

const MOST_TOKENS = 400;

const whole = JSON.parse(tokenizerJson) as TokenizerJson; // our own
const vocab = Object.fromEntries(Object.entries(whole.model.vocab).filter(([, id]) => id < MOST_TOKENS));
const merges = whole.model.merges.filter((pair) => [...pair, pair.join('')].every((part) => part in vocab));
const bpe = { ...whole, model: { ...whole.model, vocab, merges } };
const words = ['<unk>', '▁Once', '▁upon', '▁a', '▁time', '▁', 'O', 'n', 'c', 'e', '##ce', 'Once', 'upon'];

export const tokenizers: readonly object[] = [
  bpe,
  {
    ...bpe,
    normalizer: {
      type: 'Sequence',
      normalizers: [{ type: 'NFC' }, { type: 'Lowercase' }, { type: 'Prepend', prepend: '▁' }],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Digits', individual_digits: true },
        { type: 'Split', pattern: { Regex: '\\s+|\\w+' }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
  },
  {
    ...bpe,
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
    post_processor: null,
    decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
    model: { type: 'Unigram', unk_id: 0, vocab: words.map((word, i) => [word, -i]) },
  },
  {
    ...bpe,
    normalizer: { type: 'BertNormalizer', lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: null,
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      ...{
        type: 'WordPiece',
        unk_token: '<unk>',
        continuing_subword_prefix: '##',
        max_input_chars_per_word: 100,
      },
      vocab: Object.fromEntries(words.map((word, id) => [word, id])),
    },
  },
];
