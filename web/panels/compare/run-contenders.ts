import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import type { GenerateRequest, GenerateResult } from '../../../worker/protocol/generate.ts';
import type { LoadRequest, ModelFacts } from '../../../worker/protocol/load.ts';
import type { Engine, ReportProgress } from '../../playground/borrow-engine.ts';
import { adapterTitle, describeAdapter } from '../../ui/describe-adapter.ts';
import { isSameLoad } from '../../settings/requests.ts';
import { explain } from '../../ui/explain.ts';
import type { Compared, Contender, Entry, Measured } from './compared.ts';
import { words } from './words.ts';

/** What the engine is asked for one contender. */
export interface Turn {
  readonly contender: Contender;
  readonly load: LoadRequest;
  readonly request: GenerateRequest;
}

/** What contenders did, and the pieces of the first one's text. */
type Done = Pick<Compared, 'entries' | 'pieces'>;

const stopped: Outcome<never> = { ok: false, failure: { code: 'stopped' } };
const ignore = () => undefined;

/** Loads models for the turns, but none twice in a row. */
class Loader {
  readonly #engine: Engine;
  #last: LoadRequest | null = null;
  #adapter = '';

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** What computes the model that is loaded. */
  get adapter(): string {
    return this.#adapter;
  }

  async load(request: LoadRequest): Promise<Outcome<ModelFacts | null>> {
    if (this.#last && isSameLoad(this.#last, request)) return { ok: true, value: null };
    const loaded = await this.#engine.load(request, ignore);
    this.#last = loaded.ok ? request : null;
    if (loaded.ok) this.#adapter = adapterTitle(describeAdapter(loaded.value.adapter));
    return loaded;
  }
}

/**
 * Runs all contenders once for their texts, which also warms the device up, and lets each read the first one's text.
 * Then runs all of them in every round for their speeds, forwards and backwards by turns (AB BA AB), so that a device
 * that gets slower or faster with time favors none. Loads the page's own model again at the end.
 *
 * @param own    what the page has loaded
 * @param wanted whether the page still waits for the comparison
 */
export async function runContenders(
  engine: Engine,
  turns: readonly Turn[],
  {
    rounds,
    own,
    report,
    wanted,
  }: {
    readonly rounds: number;
    readonly own: LoadRequest;
    readonly report: ReportProgress;
    readonly wanted: () => boolean;
  },
): Promise<Outcome<Done>> {
  const loader = new Loader(engine);
  const steps = turns.length * (1 + rounds);
  const part = (step: number, what: string) => (fraction: number) => report((step + fraction) / steps, what);
  const outcome = await readAndWrite(engine, loader, turns, { part, wanted });
  if (outcome.ok) {
    for (let round = 1; round <= rounds; round++) {
      const order = round % 2 === 1 ? [...turns.keys()].reverse() : [...turns.keys()];
      const timed = {
        part: (i: number) => part(turns.length * round + i, words.round(round, rounds)),
        wanted,
      };
      if (!(await timeRound(engine, loader, turns, { ...timed, order, entries: outcome.value.entries })))
        break;
    }
  }
  // If the page has asked for another model meanwhile, that one must stay the last that is loaded.
  if (!wanted()) return stopped;
  const restored = await loader.load(own);
  return restored.ok ? outcome : restored;
}

interface Written {
  readonly entries: WritableEntry[];
  readonly pieces: string[];
}

type WritableEntry = Omit<Entry, 'run'> & {
  readonly run: (Measured & { readonly prefillMs: number[]; readonly decodeTokensPerSec: number[] }) | null;
};

async function readAndWrite(
  engine: Engine,
  loader: Loader,
  turns: readonly Turn[],
  {
    part,
    wanted,
  }: {
    readonly part: (step: number, what: string) => (fraction: number) => void;
    readonly wanted: () => boolean;
  },
): Promise<Outcome<Written>> {
  const entries: WritableEntry[] = [];
  const pieces: string[] = [];
  let first: readonly number[] | null = null;
  for (const [i, { contender, load, request }] of turns.entries()) {
    if (!wanted()) return stopped;
    const reach = part(i, words.comparingOf(i + 1, turns.length));
    reach(0);
    const entry = { contender: contender.id, layerTypes: contender.config.layerTypes };
    const fail = (failure: Failure) =>
      entries.push({ ...entry, run: null, divergence: null, failure: explain(failure) });

    const loaded = await loader.load(load);
    if (!loaded.ok) {
      fail(loaded.failure);
      continue;
    }
    let written = 0;
    const run = await engine.generate(request, (event) => {
      if (event.type !== 'token') return;
      reach(0.6 * (++written / request.maxNewTokens));
      if (first === null) pieces.push(event.text);
    });
    if (!run.ok) {
      fail(run.failure);
      continue;
    }
    if (run.value.end === 'stopped') return stopped;

    const reference = first === null ? 'keep' : 'compare';
    first ??= run.value.tokens;
    const score = await engine.score({ ...request, continuation: first, reference }, (event) => {
      if (event.type === 'prefill') reach(0.6 + 0.4 * event.fraction);
    });
    if (!score.ok && score.failure.code === 'stopped') return stopped;
    entries.push({
      ...entry,
      run: measured(run.value, loader.adapter),
      divergence: score.ok && reference === 'compare' ? score.value.divergence : null,
      failure: score.ok ? null : explain(score.failure),
    });
  }
  return { ok: true, value: { entries, pieces } };
}

const measured = (result: GenerateResult, adapter: string) => ({
  adapter,
  mode: result.mode,
  text: result.text ?? '',
  newTokens: result.tokens.length,
  kvBytes: result.kv.bytes,
  kvBytesPerToken: result.kv.bytesPerToken,
  prefillMs: [],
  decodeTokensPerSec: [],
});

/**
 * Times every contender that ran, once.
 *
 * @returns false if it was stopped; what was measured before stays
 */
async function timeRound(
  engine: Engine,
  loader: Loader,
  turns: readonly Turn[],
  {
    order,
    entries,
    part,
    wanted,
  }: {
    readonly order: readonly number[];
    readonly entries: readonly WritableEntry[];
    readonly part: (step: number) => (fraction: number) => void;
    readonly wanted: () => boolean;
  },
): Promise<boolean> {
  for (const [i, index] of order.entries()) {
    const turn = turns[index];
    const run = entries[index]?.run;
    if (!turn || !run) continue;
    if (!wanted()) return false;
    const reach = part(i);
    const loaded = await loader.load(turn.load);
    if (!loaded.ok) continue;
    let written = 0;
    const again = await engine.generate(turn.request, (event) => {
      if (event.type === 'token') reach(++written / turn.request.maxNewTokens);
    });
    if (!again.ok) continue;
    if (again.value.end === 'stopped') return false;
    run.prefillMs.push(again.value.timing.prefillMs);
    run.decodeTokensPerSec.push(again.value.timing.decodeTokensPerSec);
  }
  return true;
}
