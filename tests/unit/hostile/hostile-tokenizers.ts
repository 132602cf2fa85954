import {
  deepArray,
  withFiles,
  withTokenizer,
  withTokenizerConfig,
  type HostileCase,
} from './hostile-case.ts';
import { tokenizerJson } from './tiny-model.ts';

const whole = (content: string) => () => withFiles({ 'tokenizer.json': content });
const edit = (change: Parameters<typeof withTokenizer>[0]) => () => withTokenizer(change);
const token = (id: number, content: string) => ({
  ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: false },
});
const split = (Regex: string) =>
  edit((t) => {
    t['pre_tokenizer'] = { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false };
  });
const step = (part: string, value: unknown) =>
  edit((t) => {
    t[part] = value;
  });
const ids = (change: (id: number) => unknown) =>
  edit((t) => {
    for (const [name, id] of Object.entries(t.model.vocab)) t.model.vocab[name] = change(Number(id));
  });

/** Models whose tokenizer is hostile. */
export const hostileTokenizers: readonly HostileCase[] = [
  {
    name: 'a pattern that backtracks without end',
    files: split('^(([^!])+)+!$'),
    expected: /did not answer within/,
  },
  { name: 'a pattern that is none', files: split('((('), expected: /tokenizer.*Invalid regular expression/ },
  { name: 'an unknown normalizer', files: step('normalizer', { type: 'Evil' }), expected: /tokenizer.*Evil/ },
  {
    name: 'an unknown pre-tokenizer',
    files: step('pre_tokenizer', { type: 'Evil' }),
    expected: /tokenizer.*Evil/,
  },
  { name: 'an unknown decoder', files: step('decoder', { type: 'Evil' }), expected: /tokenizer.*Evil/ },
  {
    name: 'an unknown post-processor',
    files: step('post_processor', { type: 'Evil' }),
    expected: /tokenizer.*Evil/,
  },
  {
    name: 'a pre-tokenizer from Object',
    files: step('pre_tokenizer', { type: 'constructor' }),
    expected: /tokenizer/,
  },
  {
    name: 'a normalizer that prepends 5 MB',
    files: step('normalizer', { type: 'Prepend', prepend: 'a'.repeat(5e6) }),
    expected: /normalizer has a text of 5000000/,
  },
  {
    name: 'a normalizer that replaces every letter by 9000',
    files: step('normalizer', { type: 'Replace', pattern: { Regex: '.' }, content: 'a'.repeat(9000) }),
    expected: /tokenizer/,
  },
  {
    name: 'rules that are no rules',
    files: step('normalizer', { type: 'Precompiled', precompiled_charsmap: 'AAAA' }),
    expected: /precompiled_charsmap is too short/,
  },
  {
    name: 'rules that name more bytes than there are',
    files: step('normalizer', { type: 'Precompiled', precompiled_charsmap: btoa('\xFC\xFF\xFF\x7F0000') }),
    expected: /precompiled_charsmap names 2147483644 bytes/,
  },
  {
    name: 'rules that lead nowhere',
    files: step('normalizer', {
      type: 'Precompiled',
      precompiled_charsmap: btoa('\x08\0\0\0' + '\xFF'.repeat(40)),
    }),
    expected: 'loads',
  },
  {
    name: 'a template of 10,000 tokens',
    files: edit((t) => {
      t['post_processor'] = {
        type: 'TemplateProcessing',
        single: Array(1e4).fill({ SpecialToken: { id: '<|begin|>', type_id: 0 } }),
        pair: [],
        special_tokens: {},
      };
    }),
    expected: /has 10000 pieces, more than 1000/,
  },
  { name: 'no decoder', files: step('decoder', null), expected: 'loads' },
  {
    name: 'an unknown kind of vocabulary',
    files: edit((t) => {
      t.model['type'] = 'Quantum';
    }),
    expected: /no kind of vocabulary "Quantum"/,
  },
  {
    name: 'an empty vocabulary',
    files: edit((t) => {
      t.model.vocab = {};
      t.model.merges = [];
    }),
    expected: 'loads',
  },
  { name: 'a vocabulary of one id', files: ids(() => 5), expected: 'loads' },
  { name: 'negative ids', files: ids((id) => -1 - id), expected: /the id of .* is -\d+, not a whole number/ },
  { name: 'half ids', files: ids((id) => id + 0.5), expected: /the id of .* is \d+\.5, not/ },
  { name: 'ids that are texts', files: ids(String), expected: /the id of .* is "\d+", not/ },
  { name: 'ids that are null', files: ids(() => null), expected: /the id of .* is null, not/ },
  { name: 'no model', files: step('model', null), expected: /its model is null, not an object/ },
  {
    name: 'a Unigram without an array',
    files: step('model', { type: 'Unigram', vocab: { a: 0 } }),
    expected: /its vocab is {"a":0}, not an array/,
  },
  {
    name: 'a Split without a pattern',
    files: step('pre_tokenizer', { type: 'Split' }),
    expected: /a Split has the pattern nothing/,
  },
  {
    name: 'ids beyond the model',
    files: ids((id) => id + 2048),
    expected: /tokenizer\.json does not fit the model: it makes the token \d+/,
  },
  {
    name: 'an id of 1e9',
    files: edit((t) => {
      t.model.vocab['zzzz'] = 1e9;
    }),
    expected: 'loads',
  },
  { name: 'a vocabulary in reverse', files: ids((id) => 2047 - id), expected: 'loads' },
  {
    name: 'merges without a result',
    files: edit((t) => {
      t.model.merges = [['O', 'n'], ...t.model.merges];
      delete t.model.vocab['On'];
    }),
    expected: 'loads',
  },
  {
    name: 'merges with nothing',
    files: edit((t) => {
      t.model.merges = [['', 'a'], ['a', ''], ...t.model.merges];
    }),
    expected: 'loads',
  },
  {
    name: 'merges that are numbers',
    files: edit((t) => {
      t.model.merges = [1, 2, 3];
    }),
    expected: /tokenizer/,
  },
  {
    name: 'an empty added token',
    files: edit((t) => {
      t.added_tokens?.push(token(2, ''));
    }),
    expected: 'loads',
  },
  {
    name: 'added tokens that contain each other',
    files: edit((t) => {
      for (let i = 1; i <= 200; i++) t.added_tokens?.push(token(i + 2, 'O'.repeat(i)));
    }),
    expected: 'loads',
  },
  {
    name: '100,000 added tokens',
    files: edit((t) => {
      for (let i = 2; i < 1e5; i++) t.added_tokens?.push(token(i, `tok${i}`));
    }),
    expected: 'loads',
  },
  {
    name: 'an added token of 1e9',
    files: edit((t) => {
      t.added_tokens?.push(token(1e9, 'king'));
    }),
    expected: 'loads',
  },
  {
    name: 'added tokens that are null',
    files: edit((t) => {
      t.added_tokens = null;
    }),
    expected: /tokenizer/,
  },
  {
    name: 'an added token of 10 MB',
    files: edit((t) => {
      t.added_tokens?.push(token(260, 'y'.repeat(10e6)));
    }),
    expected: /a token has a text of 10000000/,
  },
  {
    name: 'a token of 10 MB in the vocabulary',
    files: edit((t) => {
      t.model.vocab['y'.repeat(10e6)] = 260;
    }),
    expected: /a token has a text of 10000000/,
  },
  {
    name: 'bytes that are none',
    files: edit((t) => {
      t.model['byte_fallback'] = true;
      t['decoder'] = { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }] };
      t.model.vocab['<0xZZ>'] = 260;
      t.model.vocab['<0x>'] = 271;
    }),
    expected: 'loads',
  },
  {
    name: 'Unigram with scores of null',
    files: edit((t) => {
      t.model = {
        ...t.model,
        type: 'Unigram',
        unk_id: 99_999,
        vocab: Object.keys(t.model.vocab).map((name) => [name, null]) as never,
      };
    }),
    expected: /entry 0 of its vocab is .*, not a token and its score/,
  },
  {
    name: 'arrays nested 500,000 deep',
    files: whole(`${tokenizerJson.trim().slice(0, -1)},"x":${deepArray(5e5)}}`),
    expected: /tokenizer\.json: it is nested/,
  },
  { name: 'an array', files: whole('[]'), expected: /tokenizer\.json is not a JSON object/ },
  { name: 'nothing', files: whole(''), expected: /tokenizer\.json: it is empty/ },
  { name: 'an empty object', files: whole('{}'), expected: /tokenizer/ },
  { name: 'nothing but a __proto__', files: whole(`{"__proto__":${tokenizerJson}}`), expected: /tokenizer/ },
  {
    name: 'a Git LFS pointer',
    files: whole('version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 99\n'),
    expected: /tokenizer\.json: it is a Git LFS pointer/,
  },
  { name: 'a web page', files: whole('<!doctype html><html>'), expected: /web page/ },
  { name: '68 MB', files: whole(`{"x":"${'x'.repeat(68e6)}"}`), expected: /tokenizer\.json cannot be read/ },
  {
    name: '1,000,000 tokens',
    files: edit((t) => {
      for (let i = 0; i < 1e6; i++) t.model.vocab[`w${i}`] = 2048 + i;
    }),
    expected: /tokenizer\.json: an object in it has more than 600000 names/,
  },
  {
    name: '1,500,000 merges',
    files: edit((t) => {
      for (let i = 0; i < 1.5e6; i++) t.model.merges.push([`w${i}`, 'v']);
    }),
    expected: /tokenizer\.json: it holds more than/,
  },
  {
    name: 'two texts for one name',
    files: whole(`${tokenizerJson.trim().slice(0, -1)},"model":{}}`),
    expected: /names "model" twice/,
  },
  {
    name: 'truncation to two tokens',
    files: step('truncation', { direction: 'Right', max_length: 2, strategy: 'LongestFirst', stride: 0 }),
    expected: 'loads',
  },
  {
    name: 'a configuration nested 200,000 deep',
    files: () => withFiles({ 'tokenizer_config.json': `{"eos_token":{"content":${deepArray(2e5)}}}` }),
    expected: /tokenizer_config\.json: it is nested/,
  },
  {
    name: 'a class from Object',
    files: () => withTokenizerConfig({ tokenizer_class: 'constructor' }),
    expected: 'loads',
  },
  {
    name: 'an end of 5 MB',
    files: () => withTokenizerConfig({ eos_token: 'e'.repeat(5e6) }),
    expected: 'loads',
  },
];
