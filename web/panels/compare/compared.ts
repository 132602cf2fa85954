import type { Mode } from '../../../gpu/plan/forward-plan.ts';
import type { Divergence } from '../../../worker/protocol/evaluate.ts';
import type { PeerFacts, PeerMemory } from '../../../worker/protocol/peer.ts';
import type { PlaygroundConfig } from '../../settings/settings.ts';

/** The shipped family and one more. */
export const MOST_CONTENDERS = 8;

/** What runs a configuration. */
export const runners = ['kvtab', 'transformers.js', 'wllama'] as const;
export type Runner = (typeof runners)[number];

/** A configuration to compare, as it was when it was added. */
export interface Contender {
  readonly id: number;
  readonly config: Readonly<PlaygroundConfig>;
  readonly runner: Runner;
}

/** What somebody else's engine is, and how its greedy tokens stand to kvtab's own. */
export interface BesideKvtab {
  readonly facts: Omit<PeerFacts, 'promptTokens'>;
  readonly promptTokens: number;
  /** The tokens that were compared. */
  readonly tokens: number;
  /** The first token that is another one, counted from 0, as both wrote it; null if all are the same. */
  readonly difference: { readonly at: number; readonly kvtab: string; readonly there: string } | null;
  readonly memory: PeerMemory;
}

/** What one contender did. Plain data, so that it can be kept. A failure of one does not end the comparison. */
export interface Entry {
  /** The id of the contender. */
  readonly contender: number;
  /** Its plan, which is said of the first one if that is removed. */
  readonly layerTypes: string;
  readonly run: Measured | null;
  /** How far it is from the first contender, on that one's text; null for the first itself. */
  readonly divergence: Divergence | null;
  /** null for kvtab itself, and for another engine that did not run. */
  readonly beside: BesideKvtab | null;
  /** In words; null if nothing failed. */
  readonly failure: string | null;
}

export interface Measured {
  readonly adapter: string;
  /** Of kvtab: the adapter in full, with its threads; null for another engine, and in what older versions kept. */
  readonly adapterDetail: string | null;
  readonly mode: Mode;
  readonly text: string;
  readonly newTokens: number;
  readonly kvBytes: number;
  readonly kvBytesPerToken: number;
  /** Of kvtab's weights and caches, by its ledger; null for another engine, and in what older versions kept. */
  readonly allocatedBytes: number | null;
  /** One per round. */
  readonly prefillMs: readonly number[];
  /** One per round. */
  readonly decodeTokensPerSec: readonly number[];
}

/** A finished comparison, with what its contenders had in common. */
export interface Compared {
  readonly entries: readonly Entry[];
  /** The text that each token added to the first contender's text. */
  readonly pieces: readonly string[];
  readonly prompt: string;
  /** Sampling and length, in words. */
  readonly common: string;
  /** Version and commit of the page. */
  readonly build: string;
  /** In milliseconds since 1970. */
  readonly endedAt: number;
}

/** What a contender did; undefined if it was added after the comparison. */
export const entryOf = (
  { entries }: Pick<Compared, 'entries'>,
  { id }: Pick<Contender, 'id'>,
): Entry | undefined => entries.find(({ contender }) => contender === id);

/** The entry that the others are compared with: the first one that ran in kvtab, or else the first one that ran. */
export const referenceOf = ({ entries }: Pick<Compared, 'entries'>): Entry | null => {
  const ran = entries.filter(({ run }) => run !== null);
  return ran.find(({ beside }) => beside === null) ?? ran[0] ?? null;
};
