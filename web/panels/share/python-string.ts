/** What a Python literal writes as an escape: quotes, and everything that a reader could not see or that could deceive. */
const ESCAPED = /["\\]|[\p{C}\p{Z}]/gu;

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** A text as a literal of Python, on one line, with double quotes. Plain spaces stay; half a surrogate pair is escaped. */
export const pythonString = (text: string): string =>
  `"${text.replace(ESCAPED, (found) => (found === ' ' ? found : (SHORT[found] ?? escape(found))))}"`;

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

const hex = (code: number, digits: number) => code.toString(16).padStart(digits, '0');
