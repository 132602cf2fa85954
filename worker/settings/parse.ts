import type { Setting, SettingValue } from './setting.ts';
import { complaintAbout } from './values.ts';

/** A number that JavaScript writes has at most 25 characters. */
const LONGEST_NUMBER = 100;

/** The value that a text stands for, in a link or on a command line; undefined if the row cannot have it. */
export function parseSetting(row: Setting, text: string): SettingValue | undefined {
  switch (row.kind) {
    case 'number': {
      const value = parseNumber(text);
      return value !== undefined && complaintAbout(row, value) === null ? value : undefined;
    }
    case 'choice':
      return Object.hasOwn(row.options, text) ? text : undefined;
    case 'flag':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    case 'text':
      return text.length <= row.longest && row.accepts(text) ? text : undefined;
  }
}

/** Plain decimal numbers alone: Number() also takes white space, hexadecimal and Infinity. */
function parseNumber(text: string): number | undefined {
  if (text.length > LONGEST_NUMBER) return undefined;
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined;
  return Number(text) + 0; // -0 would be written as 0, and so not come back as it was.
}
