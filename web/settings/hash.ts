/**
 * The page's address as a document: `#v=1&model=…&layers=0_6_6_6_6_6_6_7&mode=parallel`. Written for people, who read,
 * edit and compare it, so: plain parameters, and nothing that is at its default. Reading never throws; what cannot be
 * understood is said and left out.
 */
import { outsideRange } from '../../gpu/plan/sampling.ts';
import type { SharingConfig } from '../../worker/protocol/load.ts';
import { choices, defaultConfig, numberRanges, type NumberKey, type PlaygroundConfig } from './settings.ts';
import { isFolderId } from '../models/opened-files.ts';

export const HASH_VERSION = '1';

type Key = keyof PlaygroundConfig;

/** What each setting is called in an address, in the order in which they are written. */
const names = {
  model: 'model',
  endpoint: 'endpoint',
  layerTypes: 'layers',
  slidingWindow: 'window',
  mode: 'mode',
  forwardPasses: 'forward',
  backwardPasses: 'backward',
  forceNodiag: 'nodiag',
  backend: 'backend',
  weights: 'weights',
  quantizeEmbeddings: 'embeddings',
  kvPrecision: 'kv',
  prompt: 'prompt',
  maxNewTokens: 'max',
  temperature: 'temperature',
  topK: 'topK',
  topP: 'topP',
  minP: 'minP',
  repetitionPenalty: 'repetition',
  seed: 'seed',
  budgetMib: 'budget',
} as const satisfies Record<Key, string>;

const keys = Object.keys(names) as Key[]; // Object.keys forgets what the table's type says
const keyOf = new Map<string, Key>(keys.map((key) => [names[key], key]));

/** An id of a shipped model, or `owner/name@revision` of one from elsewhere; see {@link isFolderId} for opened ones. */
const MODEL = /^[\w.-]+(\/[\w.-]+(@[\w./-]+)?)?$/;
/** An address without a user, a question mark or a hash; the worker that asks it reads it more strictly. */
const ENDPOINT = /^https?:\/\/[\w.-]+(:\d+)?(\/[\w.-]+)*$/;
const LONGEST_TEXT = 100_000;

export interface Decoded {
  readonly values: Partial<PlaygroundConfig>;
  /** What was not understood, in words for the person who opened the address. */
  readonly complaints: readonly string[];
}

/**
 * A configuration as the part of an address after `#`; empty where everything is at its default.
 *
 * @param stored the model's own sharing, which is the default of the sharing; null while it is not known
 */
export function encodeHash(config: Readonly<PlaygroundConfig>, stored: SharingConfig | null): string {
  const defaults = { ...defaultConfig, ...stored };
  const parts = keys.flatMap((key) => {
    const value = config[key];
    return value === defaults[key] || !speaks(key, value) ? [] : [`${names[key]}=${escape(String(value))}`];
  });
  return parts.length === 0 ? '' : [`v=${HASH_VERSION}`, ...parts].join('&');
}

/** Whether a value means anything in an address: an empty or impossible number does not. */
const speaks = (key: Key, value: PlaygroundConfig[Key]) =>
  isNumberKey(key) ? typeof value === 'number' && outsideRange(value, numberRanges[key]) === null : true;

/** Reads the part of an address after `#`, with or without it. Total: any text has an answer. */
export function decodeHash(hash: string): Decoded {
  const values: Partial<PlaygroundConfig> = {};
  const complaints: string[] = [];
  const seen = new Set<string>();
  for (const part of hash.replace(/^#/, '').split('&')) {
    if (part === '') continue;
    const cut = part.indexOf('=');
    const name = unescape(cut < 0 ? part : part.slice(0, cut));
    const text = cut < 0 ? null : unescape(part.slice(cut + 1));
    const complaint = read(name, text, values, seen);
    if (complaint !== null) complaints.push(complaint);
  }
  return { values, complaints };
}

/** Takes one field into `values`, or says why not. */
function read(
  name: string | null,
  text: string | null,
  values: Partial<PlaygroundConfig>,
  seen: Set<string>,
): string | null {
  if (name === null || text === null) return `“${abridge(name ?? '%')}” is not a field with a value`;
  if (seen.has(name)) return `“${abridge(name)}” comes twice: the first one counts`;
  seen.add(name);
  if (name === 'v') {
    return text === HASH_VERSION ? null : `version ${abridge(text)} is not known here: read as version 1`;
  }
  const key = keyOf.get(name);
  if (key === undefined) return `“${abridge(name)}” is not known`;
  const value = parse(key, text);
  if (value === undefined) return `${name} cannot be “${abridge(text)}”`;
  Object.assign(values, { [key]: value });
  return null;
}

function parse(key: Key, text: string): PlaygroundConfig[Key] | undefined {
  if (isNumberKey(key)) return parseNumber(key, text);
  switch (key) {
    case 'model':
      return (MODEL.test(text) && !text.includes('..')) || isFolderId(text) ? text : undefined;
    case 'endpoint':
      return ENDPOINT.test(text) ? text : undefined;
    case 'forceNodiag':
    case 'quantizeEmbeddings':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    case 'layerTypes': // A mistake in it is shown where it is edited.
    case 'prompt':
      return text.length <= LONGEST_TEXT ? text : undefined;
    case 'mode':
    case 'backend':
    case 'weights':
    case 'kvPrecision': {
      const known: readonly PlaygroundConfig[typeof key][] = choices[key];
      return known.find((choice) => choice === text);
    }
    default:
      return key satisfies never;
  }
}

function parseNumber(key: NumberKey, text: string): number | undefined {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined;
  const value = Number(text);
  return outsideRange(value, numberRanges[key]) === null ? value : undefined;
}

const isNumberKey = (key: Key): key is NumberKey => key in numberRanges;

/** Only what would end a field or be changed on its way is escaped; a space is written as +. */
function escape(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll('%20', '+')
    .replace(/%(2F|40|3A|2C|3B|3F)/g, (code) => decodeURIComponent(code));
}

function unescape(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return null;
  }
}

const abridge = (text: string) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
