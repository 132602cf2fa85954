import { withProbabilities, tokensToDecode, type DrawnToken } from './drawn-token.ts';
import type { TokenWithProbabilities } from '../protocol/generate.ts';
import type { GuardedText } from './guarded-text.ts';

type Text = Pick<GuardedText, 'push' | 'flush' | 'textsOf'>;

/** The text of a run as it is written. Tokens are pushed as they are drawn, and their text arrives a little later. */
export class LiveText {
  readonly #text: Text;
  readonly #onText: (token: number, text: string, probabilities: TokenWithProbabilities | undefined) => void;
  readonly #waiting: DrawnToken[] = [];
  #written = '';
  #busy: Promise<void> | null = null;
  #error: Error | null = null;

  /**
   * @param onText called for every token, in order, with the text that it made certain, and with its probabilities if
   *   they were recorded
   */
  constructor(
    text: Text,
    onText: (token: number, text: string, probabilities: TokenWithProbabilities | undefined) => void,
  ) {
    this.#text = text;
    this.#onText = onText;
  }

  /** True if the tokenizer has failed, so that no more text will come. */
  get failed(): boolean {
    return this.#error !== null;
  }

  push(drawn: DrawnToken): void {
    this.#waiting.push(drawn);
    this.#busy ??= this.#handOver();
  }

  /** The whole text, once its last part has arrived. Throws the failure of the tokenizer. */
  async finish(): Promise<string> {
    await this.#busy;
    if (this.#error) throw this.#error;
    return this.#written + (await this.#text.flush());
  }

  /** One message at a time. Tokens that come meanwhile go with the next one. */
  async #handOver(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.splice(0);
        const pieces = await this.#text.push(batch.map(({ token }) => token));
        const asked = batch.map(tokensToDecode);
        const texts = asked.some((some) => some.length > 0) ? await this.#text.textsOf(asked.flat()) : [];
        let textsUsed = 0;
        for (const [i, drawn] of batch.entries()) {
          const piece = pieces[i] ?? '';
          this.#written += piece;
          const end = textsUsed + (asked[i]?.length ?? 0);
          this.#onText(drawn.token, piece, withProbabilities(drawn, texts.slice(textsUsed, end)));
          textsUsed = end;
        }
      }
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#busy = null;
    }
  }
}
