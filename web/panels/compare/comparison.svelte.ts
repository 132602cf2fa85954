import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import type { GenerateRequest, GenerateResult } from '../../../worker/protocol/generate.ts';
import type { LoadRequest } from '../../../worker/protocol/load.ts';
import type { Score } from '../../../worker/protocol/measure.ts';
import { toGenerateRequest } from '../../settings/checks.ts';
import type { PlaygroundConfig } from '../../settings/settings.ts';
import type { Engine, ReportProgress } from '../../playground/borrow-engine.ts';
import type { Playground } from '../../playground/playground.svelte.ts';

export const MOST_CONTENDERS = 4;

/** One configuration of a comparison, as it was set when it was added. */
export interface Contender {
  readonly id: number;
  readonly config: Readonly<PlaygroundConfig>;
}

/** What a contender did; what could not be is a failure of its own. */
export interface Entry {
  readonly contender: Contender;
  readonly run: GenerateResult | null;
  /** How far it is from the first one, on the first one's text; null for the first. */
  readonly score: Score | null;
  readonly failure: Failure | null;
}

/** A finished comparison. */
export interface Compared {
  readonly entries: readonly Entry[];
  /** What each token of the first one's text added to it. */
  readonly pieces: readonly string[];
}

interface Turn {
  readonly contender: Contender;
  readonly load: LoadRequest;
  readonly request: GenerateRequest;
}

const ignore = () => undefined;

/** Two to four configurations, run one after the other from the same prompt, seed and sampling. */
export class Comparison {
  contenders = $state.raw<readonly Contender[]>([]);
  result = $state.raw<Compared | null>(null);
  readonly #playground: Playground;
  #count = 0;

  constructor(playground: Playground) {
    this.#playground = playground;
  }

  get ready(): boolean {
    return this.contenders.length >= 2 && this.#playground.phase.at === 'ready' && this.#playground.runnable;
  }

  get full(): boolean {
    return this.contenders.length >= MOST_CONTENDERS;
  }

  /** Adds what is set on the page now. */
  add(): void {
    if (this.full || !this.#playground.runnable) return;
    const config = { ...this.#playground.config };
    this.contenders = [...this.contenders, { id: ++this.#count, config }];
    this.result = null;
  }

  remove(id: number): void {
    this.contenders = this.contenders.filter((contender) => contender.id !== id);
    this.result = null;
  }

  /** Runs them all, in order; the page's own model is loaded again at the end. */
  async run(): Promise<void> {
    if (!this.ready) return;
    const { config } = this.#playground;
    const turns = this.contenders.flatMap((contender) => this.#turnOf(contender) ?? []);
    const back = this.#loadOf(config);
    const compared = await this.#playground.borrowEngine('Comparing', async (engine, report) => {
      const outcome = await compare(engine, turns, report);
      const restored = await engine.load(back, ignore);
      return restored.ok ? outcome : restored;
    });
    if (compared) this.result = compared;
  }

  #turnOf(contender: Contender): Turn | null {
    // Same prompt, seed and sampling: those that are set now.
    const { prompt, maxNewTokens, temperature, topK, topP, minP, repetitionPenalty, seed } =
      this.#playground.config;
    const shared = { prompt, maxNewTokens, temperature, topK, topP, minP, repetitionPenalty, seed };
    const request = toGenerateRequest({ ...contender.config, ...shared });
    return request && { contender, load: this.#loadOf(contender.config), request };
  }

  #loadOf({ model, backend, weights }: Readonly<PlaygroundConfig>): LoadRequest {
    return { model: this.#playground.brought.get(model) ?? model, backend, weights };
  }
}

async function compare(
  engine: Engine,
  turns: readonly Turn[],
  report: ReportProgress,
): Promise<Outcome<Compared>> {
  const entries: Entry[] = [];
  const pieces: string[] = [];
  let first: readonly number[] | null = null;
  for (const [i, { contender, load, request }] of turns.entries()) {
    const part = (fraction: number) => {
      report((i + fraction) / turns.length, `Comparing: ${i + 1} of ${turns.length}`);
    };
    part(0);
    const entry = (rest: Partial<Entry>) =>
      entries.push({ contender, run: null, score: null, failure: null, ...rest });

    const loaded = await engine.load(load, ignore);
    if (!loaded.ok) {
      entry({ failure: loaded.failure });
      continue;
    }
    let written = 0;
    const run = await engine.generate(request, (event) => {
      if (event.type !== 'token') return;
      part(0.6 * (++written / request.maxNewTokens));
      if (first === null) pieces.push(event.text);
    });
    if (!run.ok) {
      entry({ failure: run.failure });
      continue;
    }
    if (run.value.end === 'stopped') return { ok: false, failure: { code: 'stopped' } };

    const reference = first === null ? 'keep' : 'compare';
    first ??= run.value.tokens;
    const score = await engine.score({ ...request, continuation: first, reference }, (event) => {
      if (event.type === 'prefill') part(0.6 + 0.4 * event.share);
    });
    if (!score.ok && score.failure.code === 'stopped') return score;
    entry({
      run: run.value,
      score: score.ok && reference === 'compare' ? score.value : null,
      failure: score.ok ? null : score.failure,
    });
  }
  return { ok: true, value: { entries, pieces } };
}
