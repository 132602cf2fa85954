/** Jinja's text and tokens, as jinja2's lexer cuts them. */
import { endOf, SPACE } from './space.ts';

/** Why a template is refused. chat-template.ts turns it into a failure. */
export class TemplateError extends Error {}

export type Token =
  /** Text between tags, as it is written. */
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'begin'; readonly tag: 'block' | 'variable' }
  | { readonly type: 'end' }
  | { readonly type: 'name'; readonly text: string }
  | { readonly type: 'string'; readonly text: string }
  | { readonly type: 'number'; readonly value: number; readonly isFloat: boolean }
  | { readonly type: 'operator'; readonly text: string };

const operators = [
  ...['**', '//', '==', '!=', '<=', '>=', '{', '}', '(', ')', '[', ']', ',', '.', ':', '|', '~', '='],
  ...['+', '-', '*', '/', '%', '<', '>', ';'],
];
const closing: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/** The options of a jinja2 environment that decide what becomes of white space. */
export interface WhiteSpace {
  /** `trim_blocks` and `lstrip_blocks`: whether a block takes the white space of its own line along. */
  readonly trimsBlocks: boolean;
  /** `keep_trailing_newline`: whether a newline at the end of the template stays. */
  readonly keepsLastNewline: boolean;
}

const space = new RegExp(`[${SPACE}]`);

const withoutTrailingSpace = (text: string) => text.slice(0, endOf(text));

/** @throws TemplateError */
export function tokenize(source: string, whiteSpace: WhiteSpace): readonly Token[] {
  return new Lexer(source, whiteSpace).run();
}

class Lexer {
  readonly #source: string;
  readonly #trimsBlocks: boolean;
  readonly #tokens: Token[] = [];
  #at = 0;

  constructor(source: string, { trimsBlocks, keepsLastNewline }: WhiteSpace) {
    const lines = source.replace(/\r\n?/g, '\n');
    this.#source = lines.endsWith('\n') && !keepsLastNewline ? lines.slice(0, -1) : lines;
    this.#trimsBlocks = trimsBlocks;
  }

  run(): readonly Token[] {
    const source = this.#source;
    /** Whether the tag before asked to strip what follows it: all white space, or one newline. */
    let strip: 'all' | 'newline' | 'nothing' = 'nothing';
    for (;;) {
      const from = afterStripped(source, this.#at, strip);
      const tag = nextTag(source, this.#at);
      const until = tag === -1 ? source.length : tag;
      let text = from >= until ? '' : source.slice(from, until);
      const sign = tag === -1 ? '' : source.charAt(tag + 2);
      const kind = tag === -1 ? '' : source.charAt(tag + 1);
      if (sign === '-') text = withoutTrailingSpace(text);
      else if (this.#trimsBlocks && sign !== '+' && (kind === '%' || kind === '#'))
        text = withoutIndent(source, text, until);
      if (text !== '') this.#tokens.push({ type: 'text', text });
      if (tag === -1) return this.#tokens;
      this.#at = tag + 2 + (sign === '-' || sign === '+' ? 1 : 0);
      if (kind === '#') strip = this.#comment();
      else if (kind === '%' && this.#isRaw()) strip = this.#raw();
      else strip = this.#tag(kind === '%' ? 'block' : 'variable');
      if (strip === 'newline' && !this.#trimsBlocks) strip = 'nothing';
    }
  }

  #comment(): 'all' | 'newline' | 'nothing' {
    const end = this.#source.indexOf('#}', this.#at);
    if (end < 0) throw new TemplateError('a comment has no end');
    const sign = end > this.#at ? this.#source.charAt(end - 1) : '';
    this.#at = end + 2;
    return sign === '-' ? 'all' : sign === '+' ? 'nothing' : 'newline';
  }

  #isRaw(): boolean {
    return /^\s{0,50}raw\s{0,50}-?%\}/.test(this.#source.slice(this.#at, this.#at + 120));
  }

  #raw(): 'all' | 'newline' | 'nothing' {
    const begin = /^\s*raw\s*(-?)%\}/.exec(this.#source.slice(this.#at, this.#at + 120));
    const from = this.#at + (begin?.[0].length ?? 0);
    const end = /\{%([-+]?)\s*endraw\s*([-+]?)%\}/.exec(this.#source.slice(from));
    if (!end) throw new TemplateError('raw has no endraw');
    // jinja2 keeps the newline behind this tag, unlike that behind others.
    const inner = begin?.[1] === '-' ? 'all' : 'nothing';
    const until = from + end.index;
    const begun = afterStripped(this.#source, from, inner);
    let text = begun >= until ? '' : this.#source.slice(begun, until);
    if (end[1] === '-') text = withoutTrailingSpace(text);
    else if (this.#trimsBlocks && end[1] !== '+') text = withoutIndent(this.#source, text, until);
    if (text !== '') this.#tokens.push({ type: 'text', text });
    this.#at = until + end[0].length;
    return end[2] === '-' ? 'all' : end[2] === '+' ? 'nothing' : 'newline';
  }

  #tag(tag: 'block' | 'variable'): 'all' | 'newline' | 'nothing' {
    this.#tokens.push({ type: 'begin', tag });
    const close = tag === 'block' ? '%}' : '}}';
    const open: string[] = [];
    for (;;) {
      this.#skipSpace();
      if (this.#at >= this.#source.length) throw new TemplateError('a tag has no end');
      if (open.length === 0) {
        const sign = this.#source.charAt(this.#at);
        const signed = sign === '-' || (sign === '+' && tag === 'block');
        if (this.#source.startsWith(close, this.#at + (signed ? 1 : 0))) {
          this.#at += (signed ? 1 : 0) + 2;
          this.#tokens.push({ type: 'end' });
          if (sign === '-') return 'all';
          return tag === 'block' && sign !== '+' ? 'newline' : 'nothing';
        }
      }
      const token = this.#token();
      if (token.type === 'operator') {
        if ('([{'.includes(token.text)) open.push(token.text);
        const opening = closing[token.text];
        if (opening !== undefined && open.pop() !== opening) {
          throw new TemplateError(`"${token.text}" closes no bracket`);
        }
      }
      this.#tokens.push(token);
    }
  }

  #skipSpace(): void {
    while (this.#at < this.#source.length && space.test(this.#source.charAt(this.#at))) this.#at++;
  }

  #token(): Token {
    const char = this.#source.charAt(this.#at);
    if (char === '"' || char === "'") return { type: 'string', text: this.#string(char) };
    if (/[0-9]/.test(char)) return this.#number();
    const name = /^[\p{ID_Start}_]\p{ID_Continue}*/u.exec(this.#source.slice(this.#at, this.#at + 200))?.[0];
    if (name !== undefined) {
      this.#at += name.length;
      return { type: 'name', text: name };
    }
    const operator = operators.find((known) => this.#source.startsWith(known, this.#at));
    if (operator === undefined) throw new TemplateError(`"${char}" is not expected here`);
    this.#at += operator.length;
    return { type: 'operator', text: operator };
  }

  #number(): Token {
    const rest = this.#source.slice(this.#at, this.#at + 100);
    const radix = /^0(?:[xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][01_]+)/.exec(rest)?.[0];
    // A dot begins a fraction only before a digit: `1.real` would be an attribute.
    const decimal = /^[0-9](?:_?[0-9])*(?:\.[0-9](?:_?[0-9])*)?(?:[eE][+-]?[0-9]+)?/.exec(rest)?.[0];
    const text = radix ?? decimal ?? '';
    this.#at += text.length;
    const isFloat = radix === undefined && /[.eE]/.test(text);
    if (!isFloat && /^0[_0]*[1-9]/.test(text)) throw new TemplateError(`"${text}" begins with 0`);
    const value = Number(text.replaceAll('_', ''));
    if (!isFloat && !Number.isSafeInteger(value)) throw new TemplateError('a whole number beyond 2^53');
    return { type: 'number', value, isFloat };
  }

  #string(quote: string): string {
    const source = this.#source;
    let end = this.#at + 1;
    while (end < source.length && source.charAt(end) !== quote) end += source.charAt(end) === '\\' ? 2 : 1;
    if (end >= source.length) throw new TemplateError('a text has no end');
    const raw = source.slice(this.#at + 1, end);
    this.#at = end + 1;
    return raw.includes('\\') ? unescaped(raw) : raw;
  }
}

const escapes: Readonly<Record<string, string>> = {
  ...{ n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v', a: '\u0007' },
  ...{ "'": "'", '"': '"', '\\': '\\', '\n': '' },
};

/** Python's escapes. Unknown ones stay as they are written. */
const unescaped = (raw: string) =>
  raw.replace(
    /\\(?:N\{|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g,
    (whole: string, x?: string, u?: string, long?: string, octal?: string, other?: string) => {
      const hex = x ?? u ?? long;
      const code = hex !== undefined ? parseInt(hex, 16) : octal !== undefined ? parseInt(octal, 8) : null;
      if (code !== null && code <= 0x10ffff) return String.fromCodePoint(code);
      if (code !== null || /^[xuUN]/.test(whole.slice(1)))
        throw new TemplateError(`"${whole}" is no character`);
      return escapes[other ?? ''] ?? whole;
    },
  );

/** Where the next tag begins; -1 if there is none. */
function nextTag(source: string, from: number): number {
  for (let at = source.indexOf('{', from); at >= 0; at = source.indexOf('{', at + 1)) {
    const next = source.charAt(at + 1);
    if (next === '{' || next === '%' || next === '#') return at;
  }
  return -1;
}

function afterStripped(source: string, from: number, strip: 'all' | 'newline' | 'nothing'): number {
  if (strip === 'newline') return source.charAt(from) === '\n' ? from + 1 : from;
  let at = from;
  if (strip === 'all') while (at < source.length && space.test(source.charAt(at))) at++;
  return at;
}

/** A text before a block without the white space of the block's own line, if there is nothing else in it. */
function withoutIndent(source: string, text: string, until: number): string {
  const lineStart = text.lastIndexOf('\n') + 1;
  // The text may start in the middle of a line, behind another tag.
  const begunInLine =
    lineStart === 0 && until - text.length > 0 && source.charAt(until - text.length - 1) !== '\n';
  if (begunInLine) return text;
  for (let at = lineStart; at < text.length; at++) if (!space.test(text.charAt(at))) return text;
  return text.slice(0, lineStart);
}
