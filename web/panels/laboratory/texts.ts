/** Texts and items by their digests: those that ship, and those that this device keeps. */
import { textOfOwnFile } from '../../../worker/laboratory/own-file.ts';
import { badRequest } from '../../../worker/outcome.ts';
import { sha256 } from '../../../worker/sha256.ts';
import type { ByDigest } from '../../../worker/laboratory/measures.ts';
import { openSpace } from '../../../worker/storage/space.ts';
import { words } from './words.ts';

const space = openSpace('laboratory-texts', (value): value is string => typeof value === 'string');

/** More would not be a text that somebody measures in a tab. */
export const LONGEST_TEXT_BYTES = 16 * 2 ** 20;

export interface OpenedText {
  readonly sha256: string;
  readonly text: string;
}

/**
 * The text of a file that a person opens.
 *
 * @throws Refused with `bad-request` in the name of the file, if it is too large or no text in UTF-8
 */
export async function textOfFile(file: File): Promise<OpenedText> {
  if (file.size > LONGEST_TEXT_BYTES) throw badRequest(file.name, words.tooLarge(LONGEST_TEXT_BYTES));
  return textOfBytes(file.name, new Uint8Array(await file.arrayBuffer()));
}

/** A text that was pasted. Halves of characters, which UTF-8 cannot hold, are replaced. */
export const textOfPaste = (text: string): Promise<OpenedText> =>
  textOfBytes('', new TextEncoder().encode(text));

const textOfBytes = async (name: string, bytes: Uint8Array<ArrayBuffer>): Promise<OpenedText> => ({
  sha256: await sha256(bytes),
  text: textOfOwnFile(name, bytes),
});

export class Texts {
  readonly #pageUrl: string;
  readonly #known = new Map<string, string>();
  /** Those that do not ship. */
  readonly #own = new Set<string>();

  constructor(pageUrl: string) {
    this.#pageUrl = pageUrl;
  }

  /** All that were read or kept since the page was opened. */
  get known(): ReadonlyMap<string, string> {
    return this.#known;
  }

  /** Keeps a text on this device, so that an experiment with it goes on after a reload. */
  async keep({ sha256, text }: OpenedText): Promise<void> {
    this.#known.set(sha256, text);
    this.#own.add(sha256);
    await space.set([sha256], text);
  }

  /** Keeps those of the texts that do not ship and that this page has. */
  async keepOwn(digests: readonly string[]): Promise<void> {
    for (const sha256 of digests) {
      const text = this.#known.get(sha256);
      if (text !== undefined && this.#own.has(sha256)) await this.keep({ sha256, text });
    }
  }

  /** The text with a digest; null if neither page nor device has it. */
  async find({ sha256, name }: ByDigest): Promise<string | null> {
    const known = this.#known.get(sha256);
    const kept = known ?? (await space.get([sha256]).catch(() => undefined));
    if (known === undefined && kept !== undefined) this.#own.add(sha256);
    const text = kept ?? (await this.#shipped(sha256, name));
    if (text !== null) this.#known.set(sha256, text);
    return text;
  }

  /** Deletes the kept texts that no experiment needs any more. */
  async forgetAllBut(needed: ReadonlySet<string>): Promise<void> {
    for (const [sha256] of await space.keys()) {
      if (typeof sha256 === 'string' && !needed.has(sha256)) await space.remove([sha256]);
    }
  }

  async #shipped(sha256: string, name: string | null): Promise<string | null> {
    // The name may come from a link: only a plain file name is asked for.
    if (name === null || !/^\w[\w-]*\.(?:jsonl|txt)$/.test(name)) return null;
    try {
      const response = await fetch(new URL(`laboratory/tasks/${name}`, this.#pageUrl));
      if (!response.ok) return null;
      const found = await textOfBytes(name, new Uint8Array(await response.arrayBuffer()));
      return found.sha256 === sha256 ? found.text : null;
    } catch {
      return null;
    }
  }
}
