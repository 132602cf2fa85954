import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import type { HealText } from '../../../worker/protocol/heal.ts';

const NO_TEXT = 'it is no text in UTF-8';
/** Larger files take the tokenizer minutes. */
const LONGEST_BYTES = 16 * 2 ** 20;

/** The text to heal on: a person's own file, of which the last tenth is held out, or the sample that ships. */
export const readText = (file: File | null, pageUrl: string): Promise<Outcome<HealText>> =>
  file ? readFile(file) : fetchSample(pageUrl);

async function readFile(file: File): Promise<Outcome<HealText>> {
  const refused = (reason: string) => fail({ code: 'unreadable-file', file: file.name, reason });
  if (file.size > LONGEST_BYTES) return refused(`it has more than ${LONGEST_BYTES / 2 ** 20} MiB`);
  try {
    const text = await decoded(file);
    return text === null
      ? refused(NO_TEXT)
      : { ok: true, value: { name: file.name, train: text, heldOut: null } };
  } catch (error) {
    return refused(error instanceof TypeError ? NO_TEXT : String(error));
  }
}

/**
 * A file's text, piece by piece, so that the page stays smooth; null if it has zeros: UTF-16 of plain English is UTF-8,
 * too, with a zero after every letter.
 *
 * @throws TypeError if it is no UTF-8, as a picture or a zip is not
 */
async function decoded(file: File): Promise<string | null> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const reader = file.stream().getReader();
  const parts: string[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    const part = done ? decoder.decode() : decoder.decode(value, { stream: true });
    if (part.includes('\0')) return null;
    parts.push(part);
    if (done) return parts.join('');
  }
}

async function fetchSample(pageUrl: string): Promise<Outcome<HealText>> {
  const parts: string[] = [];
  for (const name of ['train.txt', 'held-out.txt']) {
    const file = `healing/${name}`;
    try {
      const response = await fetch(new URL(file, pageUrl));
      if (!response.ok) {
        return fail({ code: 'download-failed', file, status: response.status, reason: response.statusText });
      }
      parts.push(await response.text());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return fail({ code: 'download-failed', file, status: 0, reason });
    }
  }
  const [train = '', heldOut = ''] = parts;
  return { ok: true, value: { name: 'sample', train, heldOut } };
}

const fail = (failure: Failure): Outcome<never> => ({ ok: false, failure });
