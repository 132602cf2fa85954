import type { TokenAfter } from './drawn-token.ts';
import { tokenText } from './token-text.ts';
import { mistakenFor } from '../file-kind.ts';
import { brief } from '../hostile-fields.ts';
import { attempt, attemptAsync, fail, Refused, succeed, valueOf } from '../outcome.ts';
import type { Outcome } from '../protocol/failure.ts';
import type { ChatMessage } from '../protocol/generate.ts';
import { findTemplate, specialTokens, tokensOfConfig } from './chat-files.ts';
import { lostText } from './lost-text.ts';
import { codeForPatterns } from './pattern.ts';
import { LONGEST_TEXT, type TextApi, type TextFacts, type TextFiles } from './text-api.ts';
import { TextStream } from './text-stream.ts';
import { badTokenizer, openTokenizer, parseObject, type TextTokenizer } from './tokenizer.ts';

const MOST_TOKENS = 4_000_000;
/** What one token may add to a text. Real ones have a few characters. */
const LONGEST_PIECE = 100_000;

/** A model's tokenizer and chat template. Every answer is bounded in size. The caller bounds its time. */
export class ModelText implements TextApi {
  #tokenizer: TextTokenizer | null = null;
  #config: Readonly<Record<string, unknown>> = {};
  #template: string | null = null;
  /** What chat_template.jinja is if it is no template. */
  #mistaken: string | null = null;
  #stream: TextStream | null = null;

  async awake(patterns: boolean): Promise<Outcome<null>> {
    if (patterns) await codeForPatterns();
    return succeed(null);
  }

  async open(files: TextFiles): Promise<Outcome<TextFacts>> {
    return sayingBadTokenizerLater(async () => {
      this.#config = files.config === null ? {} : parseObject(files.config, 'tokenizer_config.json');
      this.#tokenizer = await openTokenizer(files.tokenizer, tokensOfConfig(this.#config));
      this.#mistaken = files.template ? mistakenTemplate(files.template) : null;
      this.#template = files.template ?? findTemplate(this.#config['chat_template']);
      const { bos_token: begin, eos_token: end } = specialTokens(this.#config);
      const prefix = begin ?? end;
      const prefixId = prefix === undefined ? null : this.#tokenizer.idOf(prefix);
      return {
        hasChatTemplate: this.#template !== null,
        endToken: end === undefined ? null : this.#tokenizer.idOf(end),
        prefix: prefix === undefined || prefixId === null ? null : { id: prefixId, text: prefix },
        notices: [
          lostText(this.#tokenizer),
          ...this.#tokenizer.notices,
          this.#mistaken === null ? null : `chat_template.jinja is not used: ${this.#mistaken}.`,
        ].filter((notice) => notice !== null),
      };
    });
  }

  encode(text: string, special: boolean): Outcome<readonly number[]> {
    return sayingBadTokenizer(() => {
      if (text.length > LONGEST_TEXT) throw badTokenizer(`a text of ${text.length} characters is too long`);
      const tokens = this.#opened().encode(text, special);
      // A byte is at most one token, and a template around a text adds a few.
      const most = Math.min(MOST_TOKENS, 8 * text.length + 1000);
      if (tokens.length > most) {
        throw badTokenizer(`it makes ${tokens.length} tokens of a text of ${text.length} characters`);
      }
      return tokens;
    });
  }

  changes(text: string): Promise<Outcome<string | null>> {
    return attemptAsync(async () => {
      const { changedText } = await import('./changed-text.ts');
      return valueOf(sayingBadTokenizer(() => changedText(this.#opened(), text)));
    });
  }

  render(messages: readonly ChatMessage[]): Promise<Outcome<string>> {
    return attemptAsync(async () => {
      const template = this.#template;
      if (template === null) throw new Refused({ code: 'bad-template', reason: 'the model has none' });
      if (this.#mistaken !== null) {
        throw new Refused({ code: 'bad-template', reason: `chat_template.jinja: ${this.#mistaken}` });
      }
      // Most visits never chat.
      const { renderChat } = await import('./chat-template.ts');
      return renderChat(template, messages, specialTokens(this.#config));
    });
  }

  startText(prompt: readonly number[], silent: readonly number[]): Outcome<null> {
    return sayingBadTokenizer(() => {
      const tokenizer = this.#opened();
      const ends = new Set(silent);
      const isSilent = (token: number) => ends.has(token) || tokenizer.isSilent(token);
      this.#stream = new TextStream({ decode: tokenizer.decode, isSilent }, prompt);
      return null;
    });
  }

  push(tokens: readonly number[]): Outcome<readonly string[]> {
    return sayingBadTokenizer(() => tokens.map((token) => short(this.#stream?.push(token) ?? '')));
  }

  textsOf(tokens: readonly TokenAfter[]): Outcome<readonly string[]> {
    return sayingBadTokenizer(() => {
      const tokenizer = this.#opened();
      return tokens.map(([before, token]) => short(tokenText(tokenizer, before, token)));
    });
  }

  decode(tokens: readonly number[]): Outcome<string> {
    return sayingBadTokenizer(() => {
      const text = this.#opened().decode(tokens);
      if (text.length > LONGEST_TEXT) throw badTokenizer(`it makes ${text.length} characters of tokens`);
      return text;
    });
  }

  flush(): Outcome<string> {
    return sayingBadTokenizer(() => short(this.#stream?.flush() ?? ''));
  }

  #opened(): TextTokenizer {
    if (!this.#tokenizer) throw badTokenizer('none is open');
    return this.#tokenizer;
  }
}

/** What a chat_template.jinja is if it is no template; null if it can be one. */
const mistakenTemplate = (text: string) =>
  mistakenFor(text) ?? (/[\0\uFFFD]/.test(text.slice(0, 600)) ? 'it is not text in UTF-8' : null);

function short(piece: string): string {
  if (piece.length > LONGEST_PIECE) throw badTokenizer(`one token has ${piece.length} characters`);
  return piece;
}

/** What `work` returns. Exceptions other than Refused are blamed on the tokenizer's files. */
function sayingBadTokenizer<T>(work: () => T): Outcome<T> {
  try {
    return attempt(work);
  } catch (error) {
    return badTokenizerOutcome(error);
  }
}

/** {@link sayingBadTokenizer} for work that takes its time. */
async function sayingBadTokenizerLater<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return await attemptAsync(work);
  } catch (error) {
    return badTokenizerOutcome(error);
  }
}

const badTokenizerOutcome = (error: unknown) =>
  fail({ code: 'bad-tokenizer', reason: brief(error instanceof Error ? error.message : String(error)) });
