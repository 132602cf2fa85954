import { readFile, rename, writeFile } from 'node:fs/promises';
import { deserialize, serialize } from 'node:v8';
import type { HealingState } from '../../worker/heal/healing.ts';
import { Refused } from '../../worker/outcome.ts';

/** What a killed process may lose. */
const KEEP_MS = 60_000;

/** A healing's state in a file. The file belongs to one healing: same model, plan, text and recipe. */
export class CheckpointFile {
  readonly #path: string;
  #lastMs = performance.now();
  #latest: { readonly key: string; readonly state: () => HealingState } | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws Refused if the file is that of another healing, or none at all */
  async read(key: string): Promise<HealingState | null> {
    const bytes = await readFile(this.#path).catch(() => null);
    if (!bytes) return null;
    const kept = contentsOf(bytes);
    if (kept?.key === key) return kept.state;
    const reason = `${this.#path} is not a checkpoint of this model, plan, text and recipe: name another file`;
    throw new Refused({ code: 'bad-request', field: 'checkpoint', reason });
  }

  /** Writes the state if the last time is a minute ago. */
  async keep(key: string, state: () => HealingState): Promise<void> {
    this.#latest = { key, state };
    if (performance.now() - this.#lastMs >= KEEP_MS) await this.flush();
  }

  /** Writes the latest state now. */
  async flush(): Promise<void> {
    if (!this.#latest) return;
    const { key, state } = this.#latest;
    // Moved into place, so that a kill never leaves half a file.
    await writeFile(`${this.#path}.new`, serialize({ key, state: state() }));
    await rename(`${this.#path}.new`, this.#path);
    this.#lastMs = performance.now();
  }
}

function contentsOf(bytes: Buffer): { readonly key: string; readonly state: HealingState } | null {
  try {
    return deserialize(bytes) as { readonly key: string; readonly state: HealingState }; // the key is compared
  } catch {
    return null;
  }
}
