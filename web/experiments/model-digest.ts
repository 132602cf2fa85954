import { sha256 } from '../../worker/sha256.ts';
import { Refused } from '../../worker/outcome.ts';
import { isObject } from '../../worker/hostile-fields.ts';
import type { BroughtModel } from '../../worker/protocol/load.ts';

/** Digests of the models that ship, as the command line computes them, so that both know each other's records. */
const MODEL_DIGESTS = 'laboratory/models.json';

/** Files up to this size are read for the digest; larger ones count by size and time of change. */
const MOST_READ_BYTES = 2 ** 20;

let shipped: Promise<unknown> | null = null;

/** The digest of a model's files: records of one model are not taken for those of another with the same name. */
export async function digestOfModel(
  model: string,
  brought: BroughtModel | undefined,
  pageUrl: string,
): Promise<string> {
  if (brought?.from === 'hub') return sha256(`${brought.endpoint} ${brought.id} ${brought.commit ?? ''}`);
  if (brought) return digestOfFiles(brought.files);
  shipped ??= fetchDigests(pageUrl);
  try {
    const digests = await shipped;
    const digest = isObject(digests) ? digests[model] : undefined;
    if (typeof digest === 'string') return digest;
  } catch {
    shipped = null; // asked again the next time
  }
  const reason = `the digest of ${model} is not known`;
  throw new Refused({ code: 'download-failed', file: MODEL_DIGESTS, status: 0, reason });
}

async function fetchDigests(pageUrl: string): Promise<unknown> {
  const response = await fetch(new URL(MODEL_DIGESTS, pageUrl));
  return response.json();
}

async function digestOfFiles(files: ReadonlyMap<string, Blob>): Promise<string> {
  const lines: string[] = [];
  for (const [name, file] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const changedMs = file instanceof File ? file.lastModified : 0;
    const content =
      file.size <= MOST_READ_BYTES ? await sha256(await file.text()) : `${file.size} ${changedMs}`;
    lines.push(`${name}\0${content}`);
  }
  return sha256(lines.join('\n'));
}
