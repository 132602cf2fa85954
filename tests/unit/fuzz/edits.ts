import { fc } from '../../support/seeded-properties.ts';
/** Edits of files and texts, as data that a failure can print. */

export interface Edit {
  /** Where, as a fraction of what is edited. */
  readonly at: number;
  /** Whether the fraction counts within the first 600 bytes alone, where a header is. */
  readonly near: boolean;
  /** Bytes to leave out at that place. */
  readonly remove: number;
  /** What to put there. */
  readonly insert: string;
  /** Bytes behind the place to repeat. */
  readonly repeat: number;
}

/** From 0 to below 1, all equally likely: `fc.double` prefers the ends, and would edit the first place alone. */
export const fraction = fc.noBias(fc.nat(2 ** 24 - 1)).map((part) => part / 2 ** 24);
const byte = fc.nat(255).map((code) => String.fromCharCode(code));

/** What a text may hold in the wrong place: numbers at the limits of counting, and syntax. */
const snippets = [
  ...['0', '-1', '1e9', '1.5', '9007199254740993', '18446744073709551616', '1e999', 'null', '{}', '[]', '""'],
  ...[
    '"F32"',
    '"BF16"',
    '"I64"',
    '"F4"',
    '"F31"',
    '"dtype":',
    '"shape":',
    '"data_offsets":',
    '"__proto__":{},',
  ],
  ...[
    '"__metadata__":{},',
    '{"a":',
    ',',
    ':',
    '"',
    '\\',
    '\u0000',
    '[[[[',
    '}}',
    ' ',
    '../',
    'a.safetensors',
  ],
  ...[
    'NaN',
    '-Infinity',
    '{%',
    '%}',
    '{{',
    '}}',
    '#}',
    '&',
    '=',
    '%',
    '%00',
    '\u00ff\u00fe',
    '\u00ef\u00bb\u00bf',
    // A NaN in f32, which ends with one in bf16; one in f16; characters that turn or hide what is beside them.
    '\u0000\u0000\u00c0\u007f',
    '\u0000\u007e',
    '\u00e2\u0080\u00ae',
    '\u00e2\u0080\u008b',
  ],
];

const edit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      at: fraction,
      near: fc.boolean(),
      remove: fc.constant(1),
      insert: byte,
      repeat: fc.constant(0),
    }),
  },
  fc.record({
    ...{ at: fraction, near: fc.boolean(), remove: fc.nat(8), insert: fc.constantFrom(...snippets) },
    repeat: fc.constant(0),
  }),
  fc.record({
    ...{ at: fraction, near: fc.boolean(), remove: fc.nat(30), insert: fc.constant('') },
    repeat: fc.nat(60),
  }),
  // The end is cut off.
  fc.record({
    ...{ at: fraction, near: fc.boolean(), remove: fc.constant(Infinity), insert: fc.constant('') },
    repeat: fc.constant(0),
  }),
);

/** One edit, or a few: after several, hardly any file is still one. */
export const edits = (most = 3) =>
  fc.oneof(fc.array(edit, { minLength: 1, maxLength: 1 }), fc.array(edit, { minLength: 1, maxLength: most }));

/** Each character of a text is a byte, as in `latin1`. */
export function editBytes(file: Uint8Array, changes: readonly Edit[]): Uint8Array<ArrayBuffer> {
  const text = changes.reduce(editText, Buffer.from(file).toString('latin1'));
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

export function editText(text: string, { at, near, remove, insert, repeat }: Edit): string {
  const place = Math.floor(at * Math.min(text.length, near ? 600 : Infinity));
  return text.slice(0, place) + insert + text.slice(place, place + repeat) + text.slice(place + remove);
}
