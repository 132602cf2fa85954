/**
 * The first key that stands twice in one object of a JSON text, which `JSON.parse` would keep silent about.
 *
 * @param json a text that `JSON.parse` accepts
 */
export function duplicateKey(json: string): string | null {
  // One entry for each bracket that is open: the keys seen so far, or null for an array.
  const open: (Set<string> | null)[] = [];
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/gs;
  for (const [text, colon] of json.matchAll(token)) {
    if (text === '{') open.push(new Set());
    else if (text === '[') open.push(null);
    else if (text === '}' || text === ']') open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(text.slice(0, text.length - colon.length)) as string; // a string literal
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return null;
}
