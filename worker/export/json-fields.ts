/**
 * The fields of an object in a JSON text, each value as it is written. `1e-05` and `10000.0` must not change, because
 * Python recognizes a float by its point.
 *
 * @param text an object that `JSON.parse` accepts
 */
export function jsonFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  let depth = 0;
  let key = '';
  let begin = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]/gs)) {
    if (token === '}' || token === ']') depth--;
    const ends = (token === ',' && depth === 1) || depth === 0;
    if (ends && begin > 0) {
      fields.set(key, text.slice(begin, index).trim());
      begin = 0;
    } else if (depth === 1 && begin === 0) {
      if (token.startsWith('"')) key = JSON.parse(token) as string; // a string literal
      else if (token === ':') begin = index + 1;
    }
    if (token === '{' || token === '[') depth++;
  }
  return fields;
}

/** The JSON text of an object with these fields. */
export const formatJsonFields = (fields: ReadonlyMap<string, string>) =>
  `{\n${[...fields].map(([key, value]) => `  ${JSON.stringify(key)}: ${value}`).join(',\n')}\n}\n`;
