import type { PlanOptions, Session, TextOptions } from '../../gpu/backend.ts';
import type { Policy, PolicyOptions } from '../../gpu/kv/policies/policy.ts';
import { chooseMode, groupsOf, type Mode, type Passes } from '../../gpu/plan/forward-plan.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import type { TokenLikelihood, WantedToken } from '../../gpu/plan/token-likelihood.ts';
import { evictionOf, piecesOf, policyOf } from '../engine/open-policy.ts';
import type { RunnableModel } from '../engine/generate.ts';
import { applyConfig } from '../loader/apply-config.ts';
import { Refused, valueOf } from '../outcome.ts';
import type { Reading } from '../protocol/measure.ts';
import type { Window } from './windows.ts';

const ignore = () => undefined;

/** Sessions come in few sizes, so that one serves many texts. */
const CAPACITY_STEP = 256;

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
 * One session serves text after text. Only a policy, which cannot forget, takes a new one for each.
 */
export class TextReader {
  readonly sharing: Sharing;
  readonly passes: Passes;
  readonly policy: Policy;
  readonly #model: RunnableModel;
  readonly #reading: Reading;
  readonly #options: ReadOptions;
  /** Null if everything is kept. */
  readonly #eviction: PolicyOptions | null;
  #open: { readonly session: Session; readonly capacityTokens: number } | null = null;

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
    this.#options = options;
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
    return chooseMode(this.#reading.mode, {
      layers: this.sharing.layers,
      promptTokens,
      passes: this.passes,
      useSequential: this.#model.config.useSequential,
    });
  }

  /**
   * Scores the last tokens of a window. The first `promptTokens` input tokens are read as a prompt, the others fed one by
   * one as decoding would, if that makes a difference.
   *
   * @param promptTokens at least 1; Infinity to read the window as one prompt
   */
  async score({ tokens, scored }: Window, promptTokens: number): Promise<ScoredWindow> {
    const inputs = tokens.slice(0, -1);
    const firstScored = inputs.length - scored;
    const wanted = inputs.flatMap((_, position): WantedToken[] =>
      position < firstScored ? [] : [{ position, token: tokens[position + 1] ?? 0 }],
    );
    const likelihoods: TokenLikelihood[] = [];
    const session = await this.sessionFor(inputs.length);
    const prompt = this.evicts || this.iterates ? Math.min(promptTokens, inputs.length) : inputs.length;
    await this.#prefill(session, inputs.slice(0, prompt), wanted, likelihoods);
    if (prompt < inputs.length) {
      const rest = wanted.filter(({ position }) => position >= prompt);
      const fed = await session.feed(inputs.slice(prompt), {
        likelihoods: {
          wanted: rest.map(({ position, token }) => ({ position: position - prompt, token })),
          onLikelihood: (_, likelihood) => likelihoods.push(likelihood),
        },
        stopped: this.#options.stopped,
      });
      if (!fed) throw new Refused({ code: 'stopped' });
      this.#options.onTokens(inputs.length - prompt);
    }
    return { likelihoods, kvBytes: session.kvBytesInUse };
  }

  /**
   * Scores windows that begin with the same tokens, and reads those once. Exact only if {@link sharesBegins}.
   *
   * @param begin how many tokens they have in common
   */
  async scoreTogether(windows: readonly Window[], begin: number): Promise<readonly ScoredWindow[]> {
    const all = windows.map(({ tokens, scored }) => {
      const firstScored = tokens.length - 1 - scored;
      return tokens
        .slice(1)
        .map((token, position) => ({ position, token }))
        .filter(({ position }) => position >= firstScored);
    });
    const capacity = Math.max(...windows.map(({ tokens }) => tokens.length - 1));
    const session = await this.sessionFor(capacity);
    const inBegin = all.flatMap((wanted, window) =>
      wanted.filter(({ position }) => position < begin).map((each) => ({ ...each, window })),
    );
    inBegin.sort((a, b) => a.position - b.position || a.window - b.window);
    const found: TokenLikelihood[] = [];
    await this.#prefill(session, windows[0]?.tokens.slice(0, begin) ?? [], inBegin, found);
    const results: ScoredWindow[] = [];
    for (const [window, { tokens }] of windows.entries()) {
      const likelihoods = found.filter((_, i) => inBegin[i]?.window === window);
      const rest = tokens.slice(begin, -1);
      if (rest.length > 0) {
        const wanted = all[window]?.filter(({ position }) => position >= begin) ?? [];
        const shifted = wanted.map(({ position, token }) => ({ position: position - begin, token }));
        await this.#prefill(session, rest, shifted, likelihoods);
      }
      results.push({ likelihoods, kvBytes: session.kvBytesInUse });
      if (rest.length > 0 && !session.rewind(begin))
        throw new Error('a store without a window cannot rewind');
    }
    return results;
  }

  /** Whether windows that begin alike can share the KV of their begin: no layer reads above itself or through a window. */
  get sharesBegins(): boolean {
    const { layers } = this.sharing;
    return !this.evicts && layers.every(({ index, readsFrom, windowed }) => readsFrom <= index && !windowed);
  }

  /** Hidden states of a text, state by state, as `PrefillOptions.onHidden` gives them. */
  async hidden(
    tokens: readonly number[],
    onHidden: (state: number, rows: Float32Array) => void,
  ): Promise<number> {
    const session = await this.sessionFor(tokens.length);
    const finished = await session.prefill(tokens, {
      mode: this.modeOf(tokens.length),
      logitsAt: [],
      onLogits: ignore,
      onHidden,
      onProgress: ignore,
      stopped: this.#options.stopped,
    });
    if (!finished) throw new Refused({ code: 'stopped' });
    this.#options.onTokens(tokens.length);
    return session.kvBytesInUse;
  }

  /** Reads a prompt into a session of {@link sessionFor}, for a caller that continues the text. */
  async readPrompt(session: Session, tokens: readonly number[]): Promise<void> {
    await this.#prefill(session, tokens, [], []);
  }

  close(): void {
    this.#open?.session.close();
    this.#open = null;
  }

  /** Reads a turn, and appends the likelihoods of the wanted tokens that lie in it. */
  async #prefill(
    session: Session,
    tokens: readonly number[],
    wanted: readonly WantedToken[],
    likelihoods: TokenLikelihood[],
  ): Promise<void> {
    const mode = this.modeOf(tokens.length);
    let start = 0;
    for (const piece of piecesOf(tokens, this.policy)) {
      const [from, to] = [start, start + piece.length];
      const here = wanted
        .filter(({ position }) => position >= from && position < to)
        .map(({ position, token }) => ({ position: position - from, token }));
      const finished = await session.prefill(piece, {
        mode,
        logitsAt: [],
        onLogits: ignore,
        likelihoods: { wanted: here, onLikelihood: (_, likelihood) => likelihoods.push(likelihood) },
        onProgress: ignore,
        stopped: this.#options.stopped,
      });
      if (!finished) throw new Refused({ code: 'stopped' });
      this.#options.onTokens(piece.length);
      start = to;
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

  /** An empty session with room for so many tokens. */
  async sessionFor(tokens: number): Promise<Session> {
    const held = this.#open;
    // Of the text alone, never of the texts before it: a backend may add in another order in a larger session.
    const capacityTokens = Math.ceil(tokens / CAPACITY_STEP) * CAPACITY_STEP;
    if (held && !this.evicts && held.capacityTokens === capacityTokens && held.session.rewind(0)) {
      return held.session;
    }
    this.close();
    const session = await this.#model.weights.open({ ...this.plan, ...this.textOptions(capacityTokens) });
    this.#open = { session, capacityTokens };
    return session;
  }
}
