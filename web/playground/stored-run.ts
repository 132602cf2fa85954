import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import { explicitPolicyValues } from '../../worker/settings/policy-request.ts';
import { belongsToRun } from '../../worker/settings/setting.ts';
import { settings, type SettingKey, type SettingValues } from '../../worker/settings/settings.ts';
import { keysWhere, valuesOf } from '../../worker/settings/values.ts';
import { adapterTitle, describeAdapter } from '../ui/describe-adapter.ts';
import { build } from './citation-file.ts';
import type { Run } from './run.ts';

/** What a run was and what came out of it. Null is what older versions did not keep. */
export interface RunFacts {
  readonly id: string;
  /** When it ended, in milliseconds since 1970. */
  readonly endedAt: number;
  /** What the person calls it. */
  readonly name: string;
  readonly pinned: boolean;
  /** The part of an address after `#`; empty if everything was at its default. */
  readonly link: string;
  readonly model: string;
  readonly layerTypes: string;
  /** The one that ran: never `auto`. */
  readonly mode: Mode;
  readonly adapter: string;
  /** What the browser calls the adapter. */
  readonly adapterDetail: string | null;
  /** Version and commit of the page. */
  readonly build: string | null;
  /** The commit of the repository that the model came from; null also if it came from none. */
  readonly modelCommit: string | null;
  /** A chat is not part of a link. */
  readonly asked: 'text' | 'chat' | null;
  /** Whether the run also recorded its tokens or timed its kernels, which costs time. */
  readonly watched: boolean | null;
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

/** Every setting that belongs to a run; null if an older version did not keep it. */
type RunSettings = { readonly [Key in SettingKey]: SettingValues[Key] | null };

/** A finished run as it is kept: what was asked, what came out, and the link that asks it again. */
export type StoredRun = RunFacts & Omit<RunSettings, keyof RunFacts | 'budgetMib'>;

const factNames = Object.keys({
  id: true,
  endedAt: true,
  name: true,
  pinned: true,
  link: true,
  model: true,
  layerTypes: true,
  mode: true,
  adapter: true,
  adapterDetail: true,
  build: true,
  modelCommit: true,
  asked: true,
  watched: true,
  promptTokens: true,
  newTokens: true,
  end: true,
  kvBytes: true,
  kvBytesPerToken: true,
  prefillMs: true,
  prefillTokensPerSec: true,
  decodeTokensPerSec: true,
  prompt: true,
  text: true,
} satisfies Record<keyof RunFacts, true>) as (keyof RunFacts)[]; // Object.keys forgets the type

/** The names of everything that is kept of a run. */
export const runFields = (table = settings): readonly (keyof StoredRun)[] => [
  ...new Set([...factNames, ...(keysWhere(belongsToRun, table) as (keyof StoredRun)[])]),
];

/** The longest text that is kept of a run; longer ones are cut. */
export const LONGEST_TEXT = 100_000;
export const LONGEST_NAME = 200;

/** The settings of the policy as it ran: with its defaults, which may change, and nothing of other policies. */
const policyOfRun = ({ settings: asked, dims, request }: Run) =>
  explicitPolicyValues(asked, {
    contextTokens: asked.policy === settings.policy.initial ? 0 : dims.contextTokens,
    maxNewTokens: request.maxNewTokens,
  });

/** @returns null for a run without figures, which one that was stopped while it read its prompt may be */
export function storedRunOf(run: Run, text: string, endedAt: number, table = settings): StoredRun | null {
  const { kv, timing, mode, promptTokens, end } = run;
  if (!kv || !timing || mode === null || promptTokens === null || typeof end !== 'string') return null;
  const { watch, policy } = run.request;
  // A cache that keeps everything is drawn from its number of tokens, which costs the run nothing.
  const evicts = policy.id !== keepEverything.id;
  return {
    ...valuesOf(keysWhere(belongsToRun, table), run.settings),
    ...policyOfRun(run),
    id: `${endedAt}-${run.number}`,
    endedAt,
    name: '',
    pinned: false,
    link: run.link,
    model: run.modelId,
    layerTypes: run.layerTypes,
    mode,
    adapter: adapterTitle(describeAdapter(run.adapter)),
    adapterDetail: describeAdapter(run.adapter).detail,
    build,
    modelCommit: run.commit,
    asked: 'chat' in run.request.input ? 'chat' : 'text',
    watched: watch ? watch.tokens || watch.kernels || (watch.rows && evicts) : false,
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
