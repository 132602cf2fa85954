import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { Run } from './run.ts';
import { describeAdapter } from '../ui/describe-adapter.ts';

/** A finished run as it is kept: what was asked, what came out, and the link that asks it again. */
export interface StoredRun {
  readonly id: string;
  /** When it ended, in milliseconds since 1970. */
  readonly endedAt: number;
  /** What the person calls it. */
  readonly name: string;
  readonly pinned: boolean;
  /** The part of an address after `#`; empty where everything was at its default. */
  readonly link: string;
  readonly model: string;
  readonly layerTypes: string;
  readonly mode: Mode;
  readonly adapter: string;
  readonly kvPrecision: string;
  readonly seed: number;
  readonly temperature: number;
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly end: 'length' | 'end-of-text' | 'stopped';
  readonly kvBytes: number;
  readonly kvBytesPerToken: number;
  readonly prefillMs: number;
  readonly prefillTokensPerSec: number;
  readonly decodeTokensPerSec: number;
  readonly prompt: string;
  readonly text: string;
}

/** The longest text that is kept of a run; what is longer is cut. */
const LONGEST_TEXT = 100_000;
export const LONGEST_NAME = 200;

/** @returns null for a run without figures, which one that was stopped while it read its prompt may be */
export function storedRunOf(run: Run, text: string, endedAt: number): StoredRun | null {
  const { kv, timing, mode, promptTokens, end, request } = run;
  if (!kv || !timing || mode === null || promptTokens === null || typeof end !== 'string') return null;
  const adapter = describeAdapter(run.adapter);
  return {
    id: `${endedAt}-${run.number}`,
    endedAt,
    name: '',
    pinned: false,
    link: run.link,
    model: run.modelId,
    layerTypes: run.layerTypes,
    mode,
    adapter: `${adapter.title}${adapter.software ? ' (software adapter)' : ''}`,
    kvPrecision: request.kvPrecision,
    seed: request.sampling.seed,
    temperature: request.sampling.temperature,
    promptTokens,
    newTokens: run.newTokens,
    end,
    kvBytes: kv.bytes,
    kvBytesPerToken: kv.bytesPerToken,
    prefillMs: timing.prefillMs,
    prefillTokensPerSec: timing.prefillTokensPerSec,
    decodeTokensPerSec: timing.decodeTokensPerSec,
    prompt: run.prompt.slice(0, LONGEST_TEXT),
    text: text.slice(0, LONGEST_TEXT),
  };
}

type Kind = 'text' | 'number' | 'flag' | readonly string[];

/** What each field must be to be shown; a store may hold what an older version, or somebody else, left there. */
const kinds: Readonly<Record<keyof StoredRun, Kind>> = {
  id: 'text',
  endedAt: 'number',
  name: 'text',
  pinned: 'flag',
  link: 'text',
  model: 'text',
  layerTypes: 'text',
  mode: ['parallel', 'sequential'],
  adapter: 'text',
  kvPrecision: 'text',
  seed: 'number',
  temperature: 'number',
  promptTokens: 'number',
  newTokens: 'number',
  end: ['length', 'end-of-text', 'stopped'],
  kvBytes: 'number',
  kvBytesPerToken: 'number',
  prefillMs: 'number',
  prefillTokensPerSec: 'number',
  decodeTokensPerSec: 'number',
  prompt: 'text',
  text: 'text',
};

export const runFields = Object.keys(kinds) as (keyof StoredRun)[]; // Object.keys forgets what the table's type says

export function isStoredRun(value: unknown): value is StoredRun {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  return runFields.every((name) => {
    const field = fields.get(name);
    switch (kinds[name]) {
      case 'text':
        return typeof field === 'string' && field.length <= LONGEST_TEXT;
      case 'number':
        return typeof field === 'number' && Number.isFinite(field) && field >= 0;
      case 'flag':
        return typeof field === 'boolean';
      default:
        return kinds[name].includes(field as string); // anything else is not among them
    }
  });
}
