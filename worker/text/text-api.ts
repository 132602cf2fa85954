import type { TokenAfter } from './drawn-token.ts';
import type { Outcome } from '../protocol/failure.ts';
import type { ChatMessage } from '../protocol/generate.ts';

/** The longest text that a tokenizer gets: more than anybody types, and more than any context. */
export const LONGEST_TEXT = 4_000_000;

/** Whether a tokenizer.json has regular expressions. In JSON, a name has quotation marks around it. */
export const namesPatterns = (tokenizerJson: string): boolean => tokenizerJson.includes('"Regex"');

/** A model's text files, as text. */
export interface TextFiles {
  readonly tokenizer: string;
  /** tokenizer_config.json. */
  readonly config: string | null;
  /** chat_template.jinja, which takes precedence over the template in tokenizer_config.json. */
  readonly template: string | null;
}

export interface TextFacts {
  readonly hasChatTemplate: boolean;
  /** The tokenizer's end token, which ends a text or a turn of a chat. */
  readonly endToken: number | null;
  /** The token that stands before a text without a context: the begin token, else the end token. */
  readonly prefix: PrefixToken | null;
  /** What in the text files is unused or loses text, as sentences. */
  readonly notices: readonly string[];
}

export interface PrefixToken {
  readonly id: number;
  /** Its own text, as files name it. */
  readonly text: string;
}

/** A value now, or from another thread. */
type Answer<T> = Outcome<T> | Promise<Outcome<T>>;

/**
 * What a model's tokenizer and template do, on whichever thread. Both are programs of strangers. In the page they run
 * in a worker of their own, which is ended if it takes too long (see guarded-text.ts).
 */
export interface TextApi {
  /**
   * Answers as soon as anything can be asked.
   *
   * @param patterns whether the tokenizer {@link namesPatterns}: their code is fetched first, which takes as long as the
   *   connection takes, and is nothing to blame on the tokenizer
   */
  awake(patterns: boolean): Answer<null>;
  open(files: TextFiles): Answer<TextFacts>;
  /** The tokens of a text; with `special`, also those that the tokenizer adds around it. */
  encode(text: string, special: boolean): Answer<readonly number[]>;
  /** A sentence about where the tokens of a text do not read as the text; null if they do. */
  changes(text: string): Answer<string | null>;
  /** The text of a conversation, as the template writes it, up to the place where the model continues. */
  render(messages: readonly ChatMessage[]): Answer<string>;
  /**
   * Starts a continuation.
   *
   * @param prompt the last tokens before it
   * @param silent tokens that have no text in it, in addition to special tokens
   */
  startText(prompt: readonly number[], silent: readonly number[]): Answer<null>;
  /** The text that became certain with each of the next tokens. */
  push(tokens: readonly number[]): Answer<readonly string[]>;
  /** What each token adds to a text that ends with the one before it. Empty for special tokens. */
  textsOf(tokens: readonly TokenAfter[]): Answer<readonly string[]>;
  /** The text of tokens, all at once. */
  decode(tokens: readonly number[]): Answer<string>;
  /** The rest of the continuation. */
  flush(): Answer<string>;
}
