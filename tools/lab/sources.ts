import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { textOfOwnFile } from '../../worker/laboratory/own-file.ts';
import type { ByDigest } from '../../worker/laboratory/measures.ts';
import { Refused } from '../../worker/outcome.ts';

const LONGEST = 256 * 2 ** 20;

/** Texts by their digests: those that ship, and those beside an experiment. */
export class Sources {
  readonly #folders: readonly string[];
  readonly #found = new Map<string, string>();

  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  get texts(): ReadonlyMap<string, string> {
    return this.#found;
  }

  /** @throws Refused if no file has the digest */
  async read({ sha256, name }: ByDigest): Promise<string> {
    const known = this.#found.get(sha256);
    if (known !== undefined) return known;
    const changed: string[] = [];
    for (const folder of this.#folders) {
      // The name first: it is what the digest was taken of.
      const names = await readdir(folder);
      const candidates = [...names.filter((each) => each === name), ...names.filter((each) => each !== name)];
      for (const candidate of candidates) {
        if (!/\.(?:txt|md|jsonl?)$/.test(candidate)) continue;
        const path = join(folder, candidate);
        const { size } = await stat(path);
        if (size > LONGEST) continue;
        const bytes = await readFile(path);
        if (createHash('sha256').update(bytes).digest('hex') === sha256) {
          const text = textOfOwnFile(candidate, bytes);
          this.#found.set(sha256, text);
          return text;
        }
        if (candidate === name) changed.push(path);
      }
    }
    const reason =
      changed.length > 0
        ? `${changed.join(' and ')} has another digest: it is not the text that the experiment was made with`
        : `put ${name ?? `the file with the digest ${sha256}`} beside the experiment`;
    throw new Refused({ code: 'bad-request', field: name ?? sha256, reason });
  }
}
