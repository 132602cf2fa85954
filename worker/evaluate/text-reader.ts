import type { PlanOptions, TextOptions, WantedLikelihoods } from '../../gpu/backend.ts';
import type { Policy, PolicyOptions } from '../../gpu/kv/policies/policy.ts';
import { groupsOf, type Mode, type Passes } from '../../gpu/plan/forward-plan.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import type { TokenLikelihood } from '../../gpu/plan/token-likelihood.ts';
import { modeOf } from '../engine/mode-of.ts';
import { evictionOf, policyOf } from '../engine/open-policy.ts';
import { within } from '../engine/read-prompts.ts';
import type { RunnableModel } from '../engine/generate.ts';
import { applyConfig } from '../loader/apply-config.ts';
import { Refused, valueOf } from '../outcome.ts';
import type { Reading } from '../protocol/measure.ts';
import type { Lane } from './text-lanes.ts';
import type { Window } from './windows.ts';

const ignore = () => undefined;

export interface ReadOptions {
  readonly stopped: () => boolean;
  /** Receives tokens as they are read. */
  readonly onTokens: (tokens: number) => void;
}

/** What was scored of a window: one of each per scored token. */
export interface ScoredWindow {
  readonly likelihoods: readonly TokenLikelihood[];
  /** KV in use at the end. */
  readonly kvBytes: number;
}

/**
 * Reads texts under one reading and scores tokens of them. This is the one place where a laboratory's numbers come from.
 */
export class TextReader {
  readonly sharing: Sharing;
  readonly passes: Passes;
  readonly policy: Policy;
  readonly #model: RunnableModel;
  readonly #reading: Reading;
  readonly options: ReadOptions;
  /** Null if everything is kept. */
  readonly #eviction: PolicyOptions | null;

  /** @throws Refused with `bad-request`, `bad-config` or `bad-layer-types` */
  static async open(model: RunnableModel, reading: Reading, options: ReadOptions): Promise<TextReader> {
    const { stored, dims } = model.config;
    const { sharing, passes } = valueOf(applyConfig(stored, reading.config, dims.layerCount));
    // A policy's defaults are those of a text that fills the context.
    const policy = await policyOf(reading.policy, { contextTokens: dims.contextTokens, maxNewTokens: 0 });
    const { eviction = null } = await evictionOf(model, sharing, policy, { scored: false, promptTokens: 0 });
    return new TextReader(model, reading, options, sharing, passes, policy, eviction);
  }

  private constructor(
    model: RunnableModel,
    reading: Reading,
    options: ReadOptions,
    sharing: Sharing,
    passes: Passes,
    policy: Policy,
    eviction: PolicyOptions | null,
  ) {
    this.#model = model;
    this.#reading = reading;
    this.options = options;
    this.sharing = sharing;
    this.passes = passes;
    this.policy = policy;
    this.#eviction = eviction;
  }

  /** Whether parallel mode reads some group several times, so that how a text is cut into prompts changes the numbers. */
  get iterates(): boolean {
    return groupsOf(this.sharing.layers).some(({ iterated }) => iterated);
  }

  get evicts(): boolean {
    return this.policy.id !== 'none';
  }

  /** In which mode a prompt is read. Without iterations both give the same numbers, and parallel mode is faster. */
  modeOf(promptTokens: number): Mode {
    if (!this.iterates) return 'parallel';
    return modeOf(this.#model, this.#reading.mode, this)(promptTokens);
  }

  /**
   * Scores the last tokens of a window. The first `promptTokens` input tokens are read as a prompt, the others fed one by
   * one as decoding would, if that makes a difference.
   *
   * @param promptTokens at least 1; Infinity to read the window as one prompt
   */
  async score(lane: Lane, { tokens, scored }: Window, promptTokens: number): Promise<ScoredWindow> {
    const inputs = tokens.slice(0, -1);
    const likelihoods: TokenLikelihood[] = [];
    const wanted = wantedFrom(tokens, inputs.length - scored, likelihoods);
    const prompt = this.evicts || this.iterates ? Math.min(promptTokens, inputs.length) : inputs.length;
    await lane.prefill(inputs.slice(0, prompt), within(wanted, 0, prompt));
    await lane.feed(inputs.slice(prompt), within(wanted, prompt, inputs.length - prompt));
    return { likelihoods, kvBytes: lane.kvBytes };
  }

  /**
   * Scores windows that begin with the same tokens, and reads those once. Exact only if {@link sharesBegins}.
   *
   * @param begin how many tokens they have in common
   */
  async scoreAfterBegin(
    lane: Lane,
    windows: readonly Window[],
    begin: number,
  ): Promise<readonly ScoredWindow[]> {
    const scored = windows.map((): TokenLikelihood[] => []);
    const all = windows.map(({ tokens, scored: count }, window) =>
      wantedFrom(tokens, tokens.length - 1 - count, scored[window] ?? []),
    );
    const inBegin = all.flatMap(({ wanted }, window) =>
      wanted.filter(({ position }) => position < begin).map((each) => ({ ...each, window })),
    );
    inBegin.sort((a, b) => a.position - b.position || a.window - b.window);
    await lane.prefill(windows[0]?.tokens.slice(0, begin) ?? [], {
      wanted: inBegin,
      onLikelihood: (i, likelihood) => scored[inBegin[i]?.window ?? 0]?.push(likelihood),
    });
    const results: ScoredWindow[] = [];
    for (const [window, { tokens }] of windows.entries()) {
      const rest = tokens.slice(begin, -1);
      const wanted = all[window];
      if (rest.length > 0 && wanted) await lane.prefill(rest, within(wanted, begin, rest.length));
      results.push({ likelihoods: scored[window] ?? [], kvBytes: lane.kvBytes });
      if (rest.length > 0) lane.rewind(begin);
    }
    return results;
  }

  /** Whether windows that begin alike can share the KV of their begin: no layer reads above itself or through a window. */
  get sharesBegins(): boolean {
    const { layers } = this.sharing;
    return !this.evicts && layers.every(({ index, readsFrom, windowed }) => readsFrom <= index && !windowed);
  }

  /** Reads a prompt of which nothing is scored, for a job that continues the text. */
  readPrompt(lane: Lane, tokens: readonly number[]): Promise<void> {
    return lane.prefill(tokens, { wanted: [], onLikelihood: ignore });
  }

  /** Hidden states of a text, state by state, as `PrefillOptions.onHidden` gives them. */
  async hidden(
    tokens: readonly number[],
    onHidden: (state: number, rows: Float32Array) => void,
  ): Promise<number> {
    const options = { ...this.plan, ...this.textOptions(tokens.length) };
    const session = await this.#model.weights.open(options);
    try {
      const finished = await session.prefill(tokens, {
        ...{ mode: this.modeOf(tokens.length), onHidden, stopped: this.options.stopped },
        ...{ logitsAt: [], onLogits: ignore, onProgress: ignore },
      });
      if (!finished) throw new Refused({ code: 'stopped' });
      this.options.onTokens(tokens.length);
      return session.kvBytesInUse;
    } finally {
      session.close();
    }
  }

  get plan(): PlanOptions {
    const { sharing, passes } = this;
    return { sharing, passes, kvPrecision: this.#reading.kvPrecision };
  }

  /** What a text of so many tokens needs of its caches. */
  textOptions(capacityTokens: number): TextOptions {
    return {
      capacityTokens,
      ...(this.#eviction && { eviction: { ...this.#eviction, promptTokens: capacityTokens } }),
    };
  }
}

/** The tokens of a window that follow its inputs from a position on. */
const wantedFrom = (
  tokens: readonly number[],
  firstScored: number,
  likelihoods: TokenLikelihood[],
): WantedLikelihoods => ({
  wanted: tokens
    .slice(1)
    .map((token, position) => ({ position, token }))
    .filter(({ position }) => position >= firstScored),
  onLikelihood: (_, likelihood) => likelihoods.push(likelihood),
});
