import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import type { GenerateRequest, GenerateResult } from '../../../worker/protocol/generate.ts';
import type { LoadRequest } from '../../../worker/protocol/load.ts';
import type { Score } from '../../../worker/protocol/evaluate.ts';
import { keysWhere, valuesOf } from '../../../worker/settings/values.ts';
import { toGenerateRequest } from '../../settings/requests.ts';
import type { PlaygroundConfig } from '../../settings/settings.ts';
import type { Engine, ReportProgress } from '../../playground/borrow-engine.ts';
import type { Playground } from '../../playground/playground.svelte.ts';
import { words } from './words.ts';

export const MOST_CONTENDERS = 4;

/** A configuration to compare, as it was when it was added. */
export interface Contender {
  readonly id: number;
  readonly config: Readonly<PlaygroundConfig>;
}

/** What one contender did. A failure of one does not end the comparison. */
export interface Entry {
  readonly contender: Contender;
  readonly run: GenerateResult | null;
  /** How far it is from the first contender, on that one's text; null for the first itself. */
  readonly score: Score | null;
  readonly failure: Failure | null;
}

/** A finished comparison. */
export interface Compared {
  readonly entries: readonly Entry[];
  /** The text that each token added to the first contender's text. */
  readonly pieces: readonly string[];
}

interface Turn {
  readonly contender: Contender;
  readonly load: LoadRequest;
  readonly request: GenerateRequest;
}

const ignore = () => undefined;

/** Runs two to four configurations, one after the other, with the same prompt, seed and sampling. */
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

  /** Adds the current settings. */
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

  /** Runs all contenders in order, then loads the page's own model again. */
  async run(): Promise<void> {
    if (!this.ready) return;
    const turns = this.contenders.flatMap((contender) => this.#turnOf(contender) ?? []);
    const compared = await this.#playground.borrowEngine(words.comparing, async (engine, report) => {
      const wanted = () => this.#playground.phase.at === 'evaluating';
      const outcome = await compare(engine, turns, report, wanted);
      // If the page has asked for another model meanwhile, that one must stay the last that is loaded.
      if (!wanted()) return outcome;
      const restored = await engine.load(this.#playground.loadRequestOf(this.#playground.config), ignore);
      return restored.ok ? outcome : restored;
    });
    if (compared) this.result = compared;
  }

  #turnOf(contender: Contender): Turn | null {
    // Contenders differ only in the settings that may be compared. The others are those that are set now.
    const alike = valuesOf(
      keysWhere((row) => !row.compared),
      this.#playground.config,
    );
    const config = { ...contender.config, ...alike };
    const request = toGenerateRequest(config);
    return request && { contender, load: this.#playground.loadRequestOf(config), request };
  }
}

/** @param wanted whether the page still waits for the comparison */
async function compare(
  engine: Engine,
  turns: readonly Turn[],
  report: ReportProgress,
  wanted: () => boolean,
): Promise<Outcome<Compared>> {
  const entries: Entry[] = [];
  const pieces: string[] = [];
  let first: readonly number[] | null = null;
  for (const [i, { contender, load, request }] of turns.entries()) {
    if (!wanted()) return { ok: false, failure: { code: 'stopped' } };
    const part = (fraction: number) => {
      report((i + fraction) / turns.length, words.comparingOf(i + 1, turns.length));
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
      if (event.type === 'prefill') part(0.6 + 0.4 * event.fraction);
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
