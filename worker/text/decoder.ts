/** The decoders of a tokenizer.json, as the tokenizers library of Rust runs them. */
import { isObject, show } from '../hostile-fields.ts';
import { bytesOf } from './byte-level.ts';
import { patternOf } from './pattern.ts';
import { replaceAll } from './split.ts';

/** Tokens become other pieces, whose joined text is the answer. */
type Decode = (pieces: readonly string[]) => readonly string[];

/**
 * @param said the `decoder` of a tokenizer.json
 * @throws Error that names what is wrong
 */
export async function openDecoder(said: unknown): Promise<(tokens: readonly string[]) => string> {
  if (said === null || said === undefined) return (tokens) => tokens.join(' ');
  const decode = await openStep(said);
  return (tokens) => decode(tokens).join('');
}

async function openStep(said: unknown): Promise<Decode> {
  if (!isObject(said)) throw new Error(`the decoder is ${show(said)}, not an object`);
  const text = (name: string, fallback: string): string => {
    const value = said[name] ?? fallback;
    if (typeof value !== 'string') throw new Error(`the ${name} of a decoder is ${show(value)}, not a text`);
    return value;
  };
  switch (said['type']) {
    case 'Sequence': {
      const { decoders } = said;
      if (!Array.isArray(decoders)) throw new Error('a Sequence has no array of decoders');
      const steps = await Promise.all(decoders.map(openStep));
      return (pieces) => steps.reduce((all, step) => step(all), pieces);
    }
    case 'ByteLevel':
      return (pieces) => [textOf(pieces.flatMap((piece) => [...bytesOf(piece)]))];
    case 'ByteFallback':
      return joinBytes;
    case 'Fuse':
      return (pieces) => [pieces.join('')];
    case 'Metaspace': {
      const replacement = text('replacement', '▁');
      const never = said['prepend_scheme'] === 'never' || said['add_prefix_space'] === false;
      return (pieces) => pieces.map((piece, i) => piece.replaceAll(replacement, i > 0 || never ? ' ' : ''));
    }
    case 'WordPiece': {
      const prefix = text('prefix', '##');
      const cleans = said['cleanup'] !== false;
      return (pieces) =>
        pieces.map((piece, i) => {
          const joined =
            i === 0 ? piece : piece.startsWith(prefix) ? piece.slice(prefix.length) : ` ${piece}`;
          return cleans ? cleanedUp(joined) : joined;
        });
    }
    case 'BPEDecoder': {
      const suffix = text('suffix', '</w>');
      return (pieces) => pieces.map((piece, i) => piece.replaceAll(suffix, i < pieces.length - 1 ? ' ' : ''));
    }
    case 'CTC': {
      const pad = text('pad_token', '<pad>');
      const delimiter = text('word_delimiter_token', '|');
      const cleans = said['cleanup'] !== false;
      return (pieces) =>
        pieces
          .filter((piece, i) => piece !== pieces[i - 1])
          .map((piece) => piece.replaceAll(pad, ''))
          .map((piece) => (cleans ? cleanedUp(piece).replaceAll(delimiter, ' ') : piece));
    }
    case 'Replace': {
      const pattern = await patternOf(said['pattern']);
      const content = text('content', '');
      return (pieces) => pieces.map((piece) => replaceAll(pattern, piece, content));
    }
    case 'Strip': {
      const { start, stop } = said;
      return (pieces) =>
        pieces.map((piece) => stripped(piece, text('content', ' '), Number(start), Number(stop)));
    }
    default:
      throw new Error(`there is no decoder ${show(said['type'])}`);
  }
}

const textOf = (bytes: readonly number[]): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));

/**
 * Pieces such as `<0xE2>`, joined to characters. Bytes that are not UTF-8 become U+FFFD: one for each start of a character,
 * where Rust's library writes one for each byte, because a stream waits for the rest of the last one.
 */
function joinBytes(pieces: readonly string[]): readonly string[] {
  const joined: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length > 0) joined.push(textOf(bytes));
    bytes = [];
  };
  for (const piece of pieces) {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece)?.[1];
    if (byte !== undefined) bytes.push(parseInt(byte, 16));
    else {
      flush();
      joined.push(piece);
    }
  }
  flush();
  return joined;
}

function cleanedUp(piece: string): string {
  const changes = [
    ...[' .', ' ?', ' !', ' ,'].map((end) => [end, end.slice(1)] as const),
    [" ' ", "'"],
    [" n't", "n't"],
    [" 'm", "'m"],
    [' do not', " don't"],
    [" 's", "'s"],
    [" 've", "'ve"],
    [" 're", "'re"],
  ] as const;
  return changes.reduce((text, [from, to]) => text.replaceAll(from, to), piece);
}

/** A piece without at most `start` characters at its beginning and `stop` at its end that are `content`. */
function stripped(piece: string, content: string, start: number, stop: number): string {
  const characters = Array.from(piece);
  let from = 0;
  while (from < start && from < characters.length && characters[from] === content) from++;
  let to = characters.length;
  while (characters.length - to < stop && to > from && characters[to - 1] === content) to--;
  return characters.slice(from, to).join('');
}
