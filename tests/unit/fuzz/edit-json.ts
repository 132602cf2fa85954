/** Edits of what a JSON text says, as data that a failure can print. */
import { edits, editText, fraction, type Edit } from './edits.ts';
import { fc } from '../../support/seeded-properties.ts';

interface JsonEdit {
  /** Which value, as a fraction of all values that may be edited. */
  readonly at: number;
  readonly what: 'tweak' | 'replace' | 'remove' | 'rename' | 'repeat' | 'wrap' | 'move';
  /** JSON, or something like it. */
  readonly json: string;
  readonly name: string;
}

export interface JsonEdits {
  readonly base: number;
  readonly edits: readonly JsonEdit[];
  /** Edits of the text. Most inputs have none, or no parser would be passed. */
  readonly text: readonly Edit[];
}

const numbers = [
  ...[
    '0',
    '1',
    '-1',
    '2',
    '3',
    '7',
    '8',
    '64',
    '0.5',
    '1.5',
    '1e-5',
    '1e-45',
    '1e-320',
    '5e-324',
    '1e30',
    '1e300',
  ],
  ...[
    '1e999',
    '-1e999',
    'NaN',
    'Infinity',
    '-0',
    '255',
    '256',
    '2047',
    '2048',
    '65536',
    '2147483647',
    '2147483648',
  ],
  ...['4294967295', '4294967296', '9007199254740991', '9007199254740993', '18446744073709551616'],
];
const others = [
  ...[
    'null',
    'true',
    'false',
    '""',
    '"a"',
    '"0_1_2"',
    '"0s_0"',
    '[]',
    '{}',
    '[[]]',
    '[1]',
    '["a"]',
    '{"type":"BPE"}',
  ],
  ...[
    '"full_attention"',
    '["full_attention","sliding_attention"]',
    '"yarn"',
    '"linear"',
    '"llama3"',
    '"constructor"',
  ],
  ...[
    '"__proto__"',
    '"\\u0000"',
    '"\\ud800"',
    '"\\ud83d\\ude00"',
    '"\\u202e\\u200b\\u2028a"',
    '"(?<a"',
    '{"Regex":"."}',
    '{"Regex":"(a|b)*c"}',
  ],
  ...[
    '{"String":"a"}',
    `"${'x'.repeat(20_000)}"`,
    '['.repeat(150) + ']'.repeat(150),
    `[${'1,'.repeat(5000)}1]`,
  ],
];
const names = [
  ...[
    '__proto__',
    'constructor',
    'toString',
    'type',
    'a',
    '',
    'rope_scaling',
    'rope_parameters',
    'layer_types',
  ],
  ...['model', 'vocab', 'content', 'id', 'special', 'length', 'then', '\u0000', '\u202e'],
];

const edit: fc.Arbitrary<JsonEdit> = fc.record({
  at: fraction,
  what: fc.constantFrom(
    'tweak',
    'tweak',
    'tweak',
    'replace',
    'replace',
    'remove',
    'rename',
    'repeat',
    'wrap',
    'move',
  ),
  json: fc.oneof(fc.constantFrom(...numbers), fc.constantFrom(...others)),
  name: fc.constantFrom(...names),
});

/** Edits of one of some JSON values. */
export const jsonEdits = (bases: number): fc.Arbitrary<JsonEdits> =>
  fc.record({
    base: fc.nat(bases - 1),
    edits: fc.oneof(
      fc.array(edit, { minLength: 1, maxLength: 1 }),
      fc.array(edit, { minLength: 1, maxLength: 4 }),
    ),
    text: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: edits(2) }),
  });

type Container = Record<string, unknown> | unknown[];

const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null;

interface Place {
  readonly inside: Container;
  readonly key: string;
}

/** The places of all values in a value, except in long lists, of which the first few stand for all. */
function placesIn(inside: Container): readonly Place[] {
  const places: Place[] = [];
  for (const [key, value] of Object.entries(inside).slice(0, MOST_ENTRIES)) {
    places.push({ inside, key });
    if (isContainer(value)) places.push(...placesIn(value));
  }
  return places;
}
const MOST_ENTRIES = 30;

/** Another value of the same kind, which may well be accepted. */
function tweaked(value: unknown, at: number): unknown {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return value.slice(1);
  if (typeof value !== 'number') return null;
  return [value + 1, value - 1, value * 2, value / 2][Math.floor(at * 997) % 4];
}

/** Stands for a JSON text within a value. */
const mark = (index: number) => `\u0001${index}\u0001`;

/** The JSON of an edited value. It need not be JSON any more. */
export function editedJson(bases: readonly object[], { base, edits, text }: JsonEdits): string {
  const value: unknown = structuredClone(bases[base]);
  if (!isContainer(value)) return '';
  const written: string[] = [];
  const asMark = (json: string) => mark(written.push(json) - 1);
  let doubled: string | null = null;
  for (const { at, what, json, name } of edits) {
    const places = placesIn(value);
    const place = places[Math.floor(at * places.length)];
    if (!place) continue;
    const { inside, key } = place;
    const old: unknown = Reflect.get(inside, key);
    const set = (to: string, what: unknown) =>
      Object.defineProperty(inside, to, {
        value: what,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    if (what === 'tweak') set(key, tweaked(old, at));
    else if (what === 'replace') set(key, asMark(json));
    else if (what === 'wrap') set(key, { [name]: old });
    else if (what === 'repeat') doubled = key;
    else if (what === 'move' && places[0])
      set(key, structuredClone(Reflect.get(places[0].inside, places[0].key)));
    else {
      if (Array.isArray(inside)) inside.splice(Number(key), 1);
      else Reflect.deleteProperty(inside, key);
      if (what === 'rename' && !Array.isArray(inside)) set(name, old);
    }
  }
  let json = JSON.stringify(value);
  if (doubled !== null) json = `${json.slice(0, -1)},${JSON.stringify(doubled)}:1}`;
  for (const [index, inserted] of written.entries()) {
    json = json.replaceAll(JSON.stringify(mark(index)), () => inserted);
  }
  return text.reduce(editText, json);
}
