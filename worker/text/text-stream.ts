import type { TextTokenizer } from './tokenizer.ts';

/** What a decoder writes for invalid bytes, and for the first bytes of a character whose rest is missing. */
const REPLACEMENT = '\uFFFD';

// A character has at most 4 bytes and every token at least 1, so a few tokens decide how a text ends. Decoding at
// most LONGEST of them for each new one keeps the total cost linear.
const KEPT = 16;
const LONGEST = 32;

/**
 * Takes tokens and returns their text as soon as it is certain. All pieces joined are the text of the tokens as a
 * continuation of the prompt, and no piece ends within a character.
 *
 * Tokens are decoded together with those before them, because a token's text depends on its neighbors: a character's
 * bytes may spread over several tokens, and some decoders drop the leading space of the first token.
 */
export class TextStream {
  readonly #tokenizer: Pick<TextTokenizer, 'decode' | 'isSilent'>;
  #recent: number[] = [];
  /** How many UTF-16 units of the text of `#recent` were returned. */
  #handedOut = 0;

  /** @param prompt the tokens before the first one that is pushed; their text is not returned */
  constructor(tokenizer: Pick<TextTokenizer, 'decode' | 'isSilent'>, prompt: readonly number[] = []) {
    this.#tokenizer = tokenizer;
    const recent = prompt.filter((token) => !tokenizer.isSilent(token)).slice(-KEPT);
    const text = tokenizer.decode(recent);
    // If the prompt ends within a character, the text starts with the new tokens alone.
    if (text.endsWith(REPLACEMENT)) return;
    this.#recent = recent;
    this.#handedOut = text.length;
  }

  /** Takes one token; returns the text that became certain, often none. */
  push(token: number): string {
    if (this.#tokenizer.isSilent(token)) return '';
    this.#recent.push(token);
    const text = certain(this.#tokenizer.decode(this.#recent));
    const fresh = text.slice(this.#handedOut);
    this.#handedOut = Math.max(this.#handedOut, text.length);
    this.#forget();
    return fresh;
  }

  /** The rest, which is U+FFFD if the last character was never finished. The stream cannot be used afterwards. */
  flush(): string {
    return this.#tokenizer.decode(this.#recent).slice(this.#handedOut);
  }

  #forget(): void {
    if (this.#recent.length < LONGEST) return;
    // The cut may go through a character, which spoils the start of this text but never its end.
    this.#recent = this.#recent.slice(-KEPT);
    this.#handedOut = certain(this.#tokenizer.decode(this.#recent)).length;
  }
}

/** A text without the last U+FFFD, which the next token may turn into a character. Earlier ones are final. */
const certain = (text: string) => (text.endsWith(REPLACEMENT) ? text.slice(0, -REPLACEMENT.length) : text);
