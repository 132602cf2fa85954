import { rstrip } from '../laboratory/python-text.ts';
import { Refused } from '../outcome.ts';
import type { Begin, TextPair } from '../protocol/measure.ts';
import type { PrefixToken } from '../text/text-api.ts';

/** The tokens of a text, with the tokenizer's special ones or without. */
export type Encode = (text: string, special: boolean) => Promise<readonly number[]>;

/** A continuation and what stands before it, as tokens. */
export interface TokenPair {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
}

/** Texts as lm-evaluation-harness turns them into tokens: its `_encode_pair`, `tok_encode` and `loglikelihood`. */
export class PairEncoder {
  readonly #encode: Encode;
  readonly #prefix: PrefixToken;

  /** @throws Refused if the tokenizer names no token that a text can begin with */
  constructor(encode: Encode, prefix: PrefixToken | null) {
    if (!prefix) {
      const reason = 'tokenizer_config.json names neither bos_token nor eos_token, so no text can be scored';
      throw new Refused({ code: 'bad-tokenizer', reason });
    }
    this.#encode = encode;
    this.#prefix = prefix;
  }

  /** The tokens of a text by the tokenizer's own rule, unless the text already begins with the begin token. */
  text(text: string): Promise<readonly number[]> {
    return this.#encode(text, !text.startsWith(this.#prefix.text));
  }

  /** White space at the end of a context belongs to the continuation: tokens begin with their space. */
  async pair({ context, continuation }: TextPair): Promise<TokenPair> {
    if (context === '') {
      const tokens = await this.#encode(continuation, false);
      return tokens[0] === this.#prefix.id
        ? { context: tokens.slice(0, 1), continuation: tokens.slice(1) }
        : { context: [this.#prefix.id], continuation: tokens };
    }
    const head = rstrip(context);
    const before = await this.text(head);
    const whole = await this.text(head + context.slice(head.length) + continuation);
    return { context: before, continuation: whole.slice(before.length) };
  }

  /**
   * A whole text, whose first token stands behind the prefix token. A text that itself begins with that token keeps its
   * own, which is scored, as the harness scores it.
   */
  async whole(text: string, begin: Begin): Promise<TokenPair> {
    const continuation = await (begin === 'harness' ? this.text(text) : this.#encode(text, false));
    return { context: [this.#prefix.id], continuation };
  }
}
