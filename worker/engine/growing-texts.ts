import type { GuardedText } from '../text/guarded-text.ts';
import type { TokenAfter } from '../text/drawn-token.ts';
import type { SequenceText } from '../protocol/sequences.ts';

/** How often texts are told, at most. */
const TOLD_EVERY_MS = 150;

/** What a decoder writes for a part of a character. */
const PARTS = /\uFFFD+/g;

interface Drawn {
  readonly sequence: number;
  readonly pair: TokenAfter;
}

/** Tells the texts of several sequences while they are written. One message at a time goes to the tokenizer. */
export class GrowingTexts {
  readonly #text: Pick<GuardedText, 'textsOf'>;
  readonly #silent: ReadonlySet<number>;
  readonly #tell: (texts: readonly SequenceText[]) => void;
  readonly #waiting: Drawn[] = [];
  #busy: Promise<void> | null = null;
  #error: Error | null = null;
  /** Ends the pause between two messages; null outside one. */
  #wake: (() => void) | null = null;
  #ending = false;

  /** @param silent tokens that end a text, and have none */
  constructor(
    text: Pick<GuardedText, 'textsOf'>,
    silent: readonly number[],
    tell: (texts: readonly SequenceText[]) => void,
  ) {
    this.#text = text;
    this.#silent = new Set(silent);
    this.#tell = tell;
  }

  /** True if the tokenizer has failed, so that no more text will come. */
  get failed(): boolean {
    return this.#error !== null;
  }

  push(sequence: number, before: number | undefined, token: number): void {
    if (this.#silent.has(token)) return;
    this.#waiting.push({ sequence, pair: [before, token] });
    this.#busy ??= this.#handOver();
  }

  /** Waits until nothing is asked any more. Throws the failure of the tokenizer. */
  async finish(): Promise<void> {
    this.#ending = true;
    this.#wake?.();
    await this.#busy;
    if (this.#error) throw this.#error;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, TOLD_EVERY_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #handOver(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const drawn = this.#waiting.splice(0);
        const pieces = await this.#text.textsOf(drawn.map(({ pair }) => pair));
        const texts = new Map<number, string>();
        for (const [i, { sequence }] of drawn.entries()) {
          texts.set(sequence, (texts.get(sequence) ?? '') + (pieces[i] ?? '').replace(PARTS, ''));
        }
        this.#tell([...texts].map(([sequence, text]) => ({ sequence, text })));
        if (!this.#ending) await this.#pause();
      }
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#busy = null;
    }
  }
}
