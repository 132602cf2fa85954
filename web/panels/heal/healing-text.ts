import { textOfOwnFile } from '../../../worker/laboratory/own-file.ts';
import { attempt } from '../../../worker/outcome.ts';
import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import type { HealText } from '../../../worker/protocol/heal.ts';

/** Larger files take the tokenizer minutes. */
const LONGEST_BYTES = 16 * 2 ** 20;

/** The text to heal on: a person's own file, of which the last tenth is held out, or the sample that ships. */
export const readText = (file: File | null, pageUrl: string): Promise<Outcome<HealText>> =>
  file ? readFile(file) : fetchSample(pageUrl);

async function readFile(file: File): Promise<Outcome<HealText>> {
  const { name } = file;
  if (file.size > LONGEST_BYTES) {
    return fail({
      code: 'bad-request',
      field: name,
      reason: `it has more than ${LONGEST_BYTES / 2 ** 20} MiB`,
    });
  }
  let bytes: ArrayBuffer;
  try {
    bytes = await file.arrayBuffer();
  } catch (error) {
    return fail({ code: 'unreadable-file', file: name, reason: String(error) });
  }
  const read = attempt(() => textOfOwnFile(name, new Uint8Array(bytes)));
  return read.ok ? { ok: true, value: { name, train: read.value, heldOut: null } } : read;
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
