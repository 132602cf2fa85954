import type { TokenAfter } from './drawn-token.ts';
import { Refused, valueOf } from '../outcome.ts';
import type { Outcome } from '../protocol/failure.ts';
import type { ChatMessage } from '../protocol/generate.ts';
import { namesPatterns, type TextApi, type TextFacts, type TextFiles } from './text-api.ts';

/** Somewhere to run a stranger's tokenizer and template. */
export interface TextPlace {
  readonly api: TextApi;
  /** Rejects if the place breaks by itself. */
  readonly broken: Promise<never>;
  /** Ends whatever runs there, even an endless loop. The place cannot be used afterwards. */
  end(): void;
}

/** How long a place may take to start, which a busy machine was seen to need 3 s for. Nothing of a stranger runs there yet. */
const START_MS = 30_000;

/** How long one answer may take. A few tokens take microseconds. */
const PATIENCE_MS = 3000;
/** For tokenizer.json and for tokens, which have to be read. */
const PATIENCE_MS_PER_MEGABYTE = 500;
/** The longest patience with what nobody can stop, however large the files are. Files of 55 MB were seen to need 3 s. */
const MOST_PATIENCE_MS = 20_000;
/** For a text, which a person can stop. A busy machine was seen to need 2 s for a megabyte. */
const PATIENCE_MS_PER_MEGABYTE_OF_TEXT = 10_000;

/** A longer text is compared with its tokens as far as this. */
const LOOKED_AT = 10_001;

/** The number of tokens before a continuation that may influence the text of its first tokens. */
const TOKENS_BEFORE = 256;

/**
 * A model's tokenizer and template at arm's length: in a place that is ended if an answer takes too long, and opened
 * again for the next call. Calls never overlap.
 */
export class GuardedText {
  readonly #openPlace: () => TextPlace;
  readonly #read: () => Promise<TextFiles | null>;
  readonly #patienceMs: number;
  #place: TextPlace | null = null;
  /** Ends the work in progress that can be given up; null if there is none. */
  #giveUp: (() => void) | null = null;
  /** The last text that {@link changes} was asked about: people run a prompt many times. */
  #compared: { readonly text: string; readonly sentence: string | null } | null = null;
  /** Why the template is not run again: it did not end in time. */
  #hopeless: Refused | null = null;

  /**
   * Opens a model's text files.
   *
   * @param read reads the files; called again whenever the place had to be ended
   * @returns null if there is no tokenizer
   * @throws Refused with `bad-tokenizer`, or what `read` throws
   */
  static async open(
    openPlace: () => TextPlace,
    read: () => Promise<TextFiles | null>,
    patienceMs = PATIENCE_MS,
  ): Promise<{ readonly text: GuardedText; readonly facts: TextFacts } | null> {
    const files = await read();
    if (!files) return null;
    const text = new GuardedText(openPlace, read, patienceMs);
    return { text, facts: (await text.#openWith(files)).facts };
  }

  private constructor(openPlace: () => TextPlace, read: () => Promise<TextFiles | null>, patienceMs: number) {
    this.#openPlace = openPlace;
    this.#read = read;
    this.#patienceMs = patienceMs;
  }

  /**
   * The tokens of a text, with the tokenizer's own special ones around it unless they are not wanted. Throws Refused with
   * `bad-tokenizer`.
   */
  encode(text: string, special = true): Promise<readonly number[]> {
    return this.#encode(text, special);
  }

  /** A sentence about where the tokens of a text do not read as the text; null if they do. */
  async changes(text: string): Promise<string | null> {
    const part = text.slice(0, LOOKED_AT);
    if (this.#compared?.text !== part) {
      const place = await this.#opened();
      const sentence = await this.#ask(place, 0, 'bad-tokenizer', (api) => api.changes(part));
      this.#compared = { text: part, sentence };
    }
    return this.#compared.sentence;
  }

  /** The tokens of a conversation. Throws Refused with `bad-template` or `bad-tokenizer`. */
  async encodeChat(messages: readonly ChatMessage[]): Promise<readonly number[]> {
    if (this.#hopeless) throw this.#hopeless;
    const place = await this.#opened();
    const characters = messages.reduce((sum, { content }) => sum + content.length, 0);
    const text = await this.#ask(place, characters, 'bad-template', (api) => api.render(messages), true);
    // The template writes the special tokens itself.
    return this.#encode(text, false);
  }

  async #encode(text: string, special: boolean): Promise<readonly number[]> {
    const place = await this.#opened();
    return this.#ask(place, text.length, 'bad-tokenizer', (api) => api.encode(text, special), true);
  }

  /** Starts a continuation of `prompt`, in which the tokens `silent` have no text. */
  async startText(prompt: readonly number[], silent: readonly number[]): Promise<void> {
    const place = await this.#opened();
    await this.#ask(place, 0, 'bad-tokenizer', (api) => api.startText(prompt.slice(-TOKENS_BEFORE), silent));
  }

  /** The text that became certain with each token. Throws Refused with `bad-tokenizer`. */
  push(tokens: readonly number[]): Promise<readonly string[]> {
    return this.#continue((api) => api.push(tokens));
  }

  flush(): Promise<string> {
    return this.#continue((api) => api.flush());
  }

  /** What each token adds to a text that ends with the one before it. */
  async textsOf(tokens: readonly TokenAfter[]): Promise<readonly string[]> {
    return this.#ask(await this.#opened(), tokens.length, 'bad-tokenizer', (api) => api.textsOf(tokens));
  }

  /** The text of tokens, all at once. */
  async decode(tokens: readonly number[]): Promise<string> {
    return this.#ask(await this.#opened(), tokens.length, 'bad-tokenizer', (api) => api.decode(tokens));
  }

  /** Ends an `encode` or `encodeChat` in progress, which then throws Refused with `stopped`. */
  interrupt(): void {
    this.#giveUp?.();
  }

  close(): void {
    this.#place?.end();
    this.#place = null;
  }

  #continue<T>(work: (api: TextApi) => Outcome<T> | Promise<Outcome<T>>): Promise<T> {
    if (!this.#place) throw tooLong('bad-tokenizer', this.#patienceMs);
    return this.#ask(this.#place, 0, 'bad-tokenizer', work);
  }

  async #opened(): Promise<TextPlace> {
    if (this.#place) return this.#place;
    const files = await this.#read();
    if (!files) throw new Refused({ code: 'bad-tokenizer', reason: 'tokenizer.json is gone' });
    return (await this.#openWith(files)).place;
  }

  async #openWith(files: TextFiles): Promise<{ readonly place: TextPlace; readonly facts: TextFacts }> {
    const place = (this.#place = this.#openPlace());
    try {
      await awake(place, namesPatterns(files.tokenizer));
      const open = (api: TextApi) => api.open(files);
      return { place, facts: await this.#ask(place, files.tokenizer.length, 'bad-tokenizer', open) };
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async #ask<T>(
    place: TextPlace,
    characters: number,
    blame: 'bad-tokenizer' | 'bad-template',
    work: (api: TextApi) => Outcome<T> | Promise<Outcome<T>>,
    interruptible = false,
  ): Promise<T> {
    const megabytes = characters / 1e6;
    const patienceMs = interruptible
      ? this.#patienceMs + megabytes * PATIENCE_MS_PER_MEGABYTE_OF_TEXT
      : Math.min(MOST_PATIENCE_MS, this.#patienceMs + megabytes * PATIENCE_MS_PER_MEGABYTE);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const outOfPatience = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.close();
        const refused = tooLong(blame, patienceMs);
        if (blame === 'bad-template') this.#hopeless = refused;
        reject(refused);
      }, patienceMs);
    });
    // Only ending the place ends the work.
    const interrupted = new Promise<never>((_, reject) => {
      if (!interruptible) return;
      this.#giveUp = () => {
        this.close();
        reject(new Refused({ code: 'stopped' }));
      };
    });
    try {
      const broken = place.broken.catch((error: unknown) => {
        this.close(); // The next call opens another place.
        throw error;
      });
      return valueOf(await Promise.race([work(place.api), broken, outOfPatience, interrupted]));
    } finally {
      clearTimeout(timer);
      if (interruptible) this.#giveUp = null;
    }
  }
}

/** Waits until a place has started, so that a slow start is not blamed on the files of a model. */
async function awake({ api, broken }: TextPlace, patterns: boolean): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`the thread for text did not start within ${START_MS / 1000} seconds`);
    timer = setTimeout(() => reject(error), START_MS);
  });
  try {
    await Promise.race([api.awake(patterns), broken, late]);
  } finally {
    clearTimeout(timer);
  }
}

const tooLong = (code: 'bad-tokenizer' | 'bad-template', patienceMs: number) =>
  new Refused({
    code,
    reason: `it did not answer within ${(patienceMs / 1000).toFixed(1)} seconds and was ended`,
  });
