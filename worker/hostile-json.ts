import { show, visible } from './hostile-fields.ts';
import { mistakenFor } from './file-kind.ts';

/** What a JSON text may cost. Every limit is far above that of any real file of its kind. */
export interface JsonLimits {
  /** UTF-16 units. */
  readonly length: number;
  /** Values of all objects and arrays together. */
  readonly values: number;
  /** Names of one object. A million of them take seconds, even to refuse. */
  readonly names: number;
  /** Whether `NaN`, `Infinity` and `-Infinity` are numbers, as in files that Python's `json` writes. */
  readonly nonFinite: boolean;
  /** Whether the text is a file, which may be of another kind than its name says. */
  readonly isFile: boolean;
}

/** Why a text is refused. Whoever reads a file adds its name. */
export class BadJson extends Error {}

/** Why a text is no JSON at all. It may have been cut short on its way. */
export class NotJson extends BadJson {}

/** Python's own reader gives up at about 1000; real files are nested some ten deep. */
const DEEPEST = 100;

/**
 * Parses JSON from outside in bounded time.
 *
 * @returns what it says, never nested deeper than {@link DEEPEST}
 * @throws NotJson for what is no JSON, BadJson for what is too large, too deep, or names a key of one object twice: `JSON.parse` would
 *   keep the last one and say nothing
 */
export function parseHostileJson(text: string, limits: JsonLimits): unknown {
  if (text.length > limits.length) {
    throw new BadJson(`it has ${text.length} characters, more than ${limits.length}`);
  }
  const isOther = limits.isFile ? mistakenFor(text) : null;
  if (isOther !== null) throw new BadJson(isOther);
  const nonFinite = scan(text, limits);
  return nonFinite.length > 0 && limits.nonFinite ? parseNonFinite(text, nonFinite) : parse(text);
}

function parse(text: string, reviver?: (key: string, value: unknown) => unknown): unknown {
  try {
    return JSON.parse(text, reviver);
  } catch (error) {
    // The engine's message quotes up to about 30 characters of the text, and says where they are.
    const message = error instanceof Error ? error.message.slice(0, 120) : String(error);
    throw new NotJson(`it is not JSON: ${visible(message)}`);
  }
}

/** A number that JSON cannot write, and where the text has it. */
interface NonFinite {
  readonly at: number;
  readonly word: string;
}

const nonFiniteValues: ReadonlyMap<string, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

/** {@link parse} for such numbers: they are replaced by texts that no file holds, and read back afterwards. */
function parseNonFinite(text: string, found: readonly NonFinite[]): unknown {
  const mark = '\u0000not finite: ';
  let from = 0;
  const parts = found.map(({ at, word }) => {
    const part = text.slice(from, at) + JSON.stringify(mark + word);
    from = at + word.length;
    return part;
  });
  return parse(parts.join('') + text.slice(from), (_, value) =>
    typeof value === 'string' && value.startsWith(mark)
      ? nonFiniteValues.get(value.slice(mark.length))
      : value,
  );
}

/** Walks over the brackets, keys and commas of a text that need not be JSON. */
function scan(text: string, limits: JsonLimits): readonly NonFinite[] {
  // One entry for each open bracket: the keys so far of an object, null for an array.
  const open: (Set<string> | null)[] = [];
  const nonFinite: NonFinite[] = [];
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charAt(at)) {
      case '{':
      case '[':
        open.push(text[at] === '{' ? new Set() : null);
        if (open.length > DEEPEST) throw new BadJson(`it is nested more than ${DEEPEST} deep`);
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ',':
        if (++values > limits.values) throw new BadJson(`it holds more than ${limits.values} values`);
        break;
      case '"': {
        const end = endOfText(text, at + 1);
        const keys = open.at(-1);
        if (keys && isFollowedByColon(text, end + 1)) {
          const key = keyOf(text.slice(at, end + 1));
          if (keys.has(key)) throw new BadJson(`it names ${show(key)} twice`);
          if (keys.size >= limits.names) {
            throw new BadJson(`an object in it has more than ${limits.names} names`);
          }
          keys.add(key);
        }
        at = end;
        break;
      }
      case 'N':
      case 'I': {
        const begin = text[at - 1] === '-' ? at - 1 : at;
        const word = [...nonFiniteValues.keys()].find((known) => text.startsWith(known, begin));
        if (word === undefined) break;
        nonFinite.push({ at: begin, word });
        at = begin + word.length - 1;
        break;
      }
      default:
    }
  }
  return nonFinite;
}

/** The index of the closing quote of a string that starts at `from`. */
function endOfText(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (at - backslashes > from && text[at - backslashes - 1] === '\\') backslashes++;
    if (backslashes % 2 === 0) return at;
  }
  throw new NotJson('it is not JSON: a text in it has no end');
}

function isFollowedByColon(text: string, from: number): boolean {
  let at = from;
  while (at < text.length && ' \t\n\r'.includes(text.charAt(at))) at++;
  return text[at] === ':';
}

/** The key without its escapes: `"\u0061"` and `"a"` are the same. */
function keyOf(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  return String(parse(literal));
}
