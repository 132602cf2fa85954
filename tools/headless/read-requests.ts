import { BadJson, parseHostileJson } from '../../worker/hostile-json.ts';
import { isObject, show } from '../../worker/hostile-fields.ts';

export type ReadRequests =
  | { readonly ok: true; readonly value: object }
  | { readonly ok: false; readonly failure: BadRequests };

interface BadRequests {
  readonly code: 'bad-request';
  /** Empty: the whole request is wrong. */
  readonly field: '';
  readonly reason: string;
}

/** Each of them gets an answer, if only a failure. */
const MOST_REQUESTS = 100_000;
/** Enough for prompts of millions of tokens. */
const LONGEST_BYTES = 64 * 2 ** 20;
const limits = {
  length: LONGEST_BYTES,
  values: 10_000_000,
  names: 1000,
  nonFinite: false,
  isFile: false,
};

/** Reads what standard input holds: a request or an array of them, not yet looked into. */
export async function readRequests(input: AsyncIterable<Uint8Array>): Promise<ReadRequests> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    bytes += chunk.length;
    if (bytes > LONGEST_BYTES) return refuse(`it has more than ${LONGEST_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
    const json = parseHostileJson(text, limits);
    if (Array.isArray(json) && json.length > MOST_REQUESTS) {
      return refuse(`it holds ${json.length} requests, more than ${MOST_REQUESTS}`);
    }
    if (isObject(json) || Array.isArray(json)) return { ok: true, value: json };
    return refuse(`${show(json)} is neither a JSON object nor an array of them`);
  } catch (error) {
    if (error instanceof BadJson) return refuse(error.message);
    if (error instanceof TypeError) return refuse('it is not UTF-8');
    throw error;
  }
}

const refuse = (reason: string): ReadRequests => ({
  ok: false,
  failure: { code: 'bad-request', field: '', reason },
});
