// Python is not JavaScript: `rstrip` and `\s` differ from `trimEnd` and `\s` on U+FEFF, U+001C to U+001F and U+0085, and
// a text's length counts code points. The metrics of lm-evaluation-harness count as Python does.
import { SPACE } from '../text/jinja/space.ts';

const spaces = new RegExp(`[${SPACE}]+`, 'g');
const trailing = new RegExp(`[${SPACE}]$`);
const encoder = new TextEncoder();

/** `text.rstrip()` */
export function rstrip(text: string): string {
  let end = text.length;
  while (end > 0 && trailing.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** `len(re.split(r"\s+", text))` */
export const wordCount = (text: string): number => (text.match(spaces)?.length ?? 0) + 1;

/** `len(text)` */
export const codePoints = (text: string): number => {
  let count = 0;
  for (const _ of text) count++;
  return count;
};

/** `len(text.encode("utf-8"))` */
export const utf8Bytes = (text: string): number => encoder.encode(text).length;
