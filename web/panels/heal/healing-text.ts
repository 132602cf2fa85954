import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import type { HealText } from '../../../worker/protocol/heal.ts';

/** Larger files take the tokenizer minutes. */
const LONGEST_BYTES = 16 * 2 ** 20;

/** The text to heal on: a person's own file, of which the last tenth is held out, or the sample that ships. */
export const readText = (file: File | null, pageUrl: string): Promise<Outcome<HealText>> =>
  file ? readFile(file) : fetchSample(pageUrl);

async function readFile(file: File): Promise<Outcome<HealText>> {
  const refused = (reason: string) => fail({ code: 'unreadable-file', file: file.name, reason });
  if (file.size > LONGEST_BYTES) return refused(`it has more than ${LONGEST_BYTES / 2 ** 20} MiB`);
  try {
    // Fatal, because a picture or a zip is no text.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
    return { ok: true, value: { name: file.name, train: text, heldOut: null } };
  } catch (error) {
    return refused(error instanceof TypeError ? 'it is no text in UTF-8' : String(error));
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
