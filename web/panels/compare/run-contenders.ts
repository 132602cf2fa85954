import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import { greedy } from '../../../gpu/plan/sampling.ts';
import type { PeerEngine, PeerFailure, PeerRequest, PeerRun } from '../../../worker/protocol/peer.ts';
import type { GenerateRequest, GenerateResult } from '../../../worker/protocol/generate.ts';
import type { LoadRequest, ModelFacts } from '../../../worker/protocol/load.ts';
import type { Engine, ReportProgress } from '../../playground/borrow-engine.ts';
import { adapterTitle, describeAdapter } from '../../ui/describe-adapter.ts';
import { isSameLoad } from '../../settings/requests.ts';
import type { PlaygroundConfig } from '../../settings/settings.ts';
import { explain } from '../../ui/explain.ts';
import type { BesideKvtab, Compared, Contender, Entry, Measured } from './compared.ts';
import type { PeerSeat } from '../../experiments/peers/peer-seat.ts';
import { explainPeer, peerProgress } from '../../experiments/peers/peer-words.ts';
import { words } from './words.ts';
import { stopped } from '../../experiments/stopped.ts';

/** What the engine is asked for one contender. */
export interface Turn {
  readonly contender: Contender;
  /** The contender's settings, with those that all have in common. */
  readonly config: Readonly<PlaygroundConfig>;
  readonly load: LoadRequest;
  readonly request: GenerateRequest;
  /** For what runs in another engine: what that is asked for, and why it cannot run the plan. */
  readonly peer: { readonly request: PeerRequest; readonly impossible: string | null } | null;
}

/** One run of a contender, as the engine answered it. */
export interface TurnRun extends Turn {
  readonly model: ModelFacts;
  readonly result: GenerateResult;
}

/** What contenders did, and the pieces of the first one's text. */
type Done = Pick<Compared, 'entries' | 'pieces'>;

const ignore = () => undefined;

/** Loads models for the turns, but none twice in a row. */
class Loader {
  readonly #engine: Engine;
  #last: LoadRequest | null = null;
  #model: ModelFacts | null = null;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** What computes the model that is loaded. */
  get adapter(): Pick<Measured, 'adapter' | 'adapterDetail'> {
    if (!this.#model) return { adapter: '', adapterDetail: null };
    const described = describeAdapter(this.#model.adapter);
    return { adapter: adapterTitle(described), adapterDetail: described.detail };
  }

  /** Facts about the model that is loaded. */
  get model(): ModelFacts | null {
    return this.#model;
  }

  /** Of the model that is loaded, by kvtab's ledger. */
  get weightBytes(): number {
    return this.#model?.weightBytes ?? 0;
  }

  async load(request: LoadRequest): Promise<Outcome<ModelFacts | null>> {
    if (this.#last && isSameLoad(this.#last, request)) return { ok: true, value: null };
    const loaded = await this.#engine.load(request, ignore);
    this.#last = loaded.ok ? request : null;
    if (loaded.ok) this.#model = loaded.value;
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
 * @param onTimed is given every run that was timed
 */
export async function runContenders(
  engine: Engine,
  turns: readonly Turn[],
  {
    rounds,
    own,
    seat,
    report,
    wanted,
    onTimed,
  }: {
    readonly rounds: number;
    readonly own: LoadRequest;
    readonly seat: PeerSeat;
    readonly report: ReportProgress;
    readonly wanted: () => boolean;
    readonly onTimed: (run: TurnRun) => void;
  },
): Promise<Outcome<Done>> {
  const loader = new Loader(engine);
  const steps = turns.length * (1 + rounds);
  const part: Part =
    (step, what) =>
    (fraction, now = what) =>
      report((step + fraction) / steps, now);
  const outcome = await readAndWrite(engine, loader, turns, { seat, part, wanted });
  if (outcome.ok) {
    for (let round = 1; round <= rounds; round++) {
      const order = round % 2 === 1 ? [...turns.keys()].reverse() : [...turns.keys()];
      const timed = {
        seat,
        part: (i: number) => part(turns.length * round + i, words.round(round, rounds)),
        ...{ wanted, onTimed },
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

/** Makes the report of one step: how much of it is done, and what is being done if it is not what the step is called. */
type Part = (step: number, what: string) => (fraction: number, now?: string) => void;

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
    seat,
    part,
    wanted,
  }: {
    readonly seat: PeerSeat;
    readonly part: Part;
    readonly wanted: () => boolean;
  },
): Promise<Outcome<Written>> {
  const entries: WritableEntry[] = [];
  const pieces: string[] = [];
  let first: readonly number[] | null = null;
  for (const [i, turn] of turns.entries()) {
    const { contender, load, request } = turn;
    if (!wanted()) return stopped;
    const reach = part(i, words.comparingOf(i + 1, turns.length));
    reach(0);
    const entry = { contender: contender.id, layerTypes: contender.config.layerTypes };
    const failWith = (failure: string) =>
      entries.push({ ...entry, run: null, divergence: null, beside: null, failure });
    const fail = (failure: Failure) => failWith(explain(failure));
    if (turn.peer) {
      const done = await runPeer(engine, loader, turn, { peer: turn.peer, seat, reach });
      if (done === 'stopped') return stopped;
      if (typeof done === 'string') failWith(done);
      else entries.push({ ...entry, ...done, divergence: null, failure: null });
      continue;
    }

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
      run: measured(run.value, loader),
      beside: null,
      divergence: score.ok && reference === 'compare' ? score.value.divergence : null,
      failure: score.ok ? null : explain(score.failure),
    });
  }
  return { ok: true, value: { entries, pieces } };
}

const measured = (result: GenerateResult, { adapter, weightBytes }: Loader) => ({
  ...adapter,
  mode: result.mode,
  text: result.text ?? '',
  newTokens: result.tokens.length,
  kvBytes: result.kv.bytes,
  kvBytesPerToken: result.kv.bytesPerToken,
  allocatedBytes: weightBytes + result.kv.allocatedBytes,
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
    seat,
    order,
    entries,
    part,
    wanted,
    onTimed,
  }: {
    readonly seat: PeerSeat;
    readonly order: readonly number[];
    readonly entries: WritableEntry[];
    readonly part: (step: number) => ReturnType<Part>;
    readonly wanted: () => boolean;
    readonly onTimed: (run: TurnRun) => void;
  },
): Promise<boolean> {
  for (const [i, index] of order.entries()) {
    const turn = turns[index];
    const entry = entries[index];
    const run = entry?.run;
    if (!turn || !run) continue;
    if (!wanted()) return false;
    const reach = part(i);
    if (turn.peer) {
      const again = await writeThere(turn, { peer: turn.peer, seat, reach });
      if (again === 'stopped') return false;
      if (typeof again === 'string') {
        entries[index] = { ...entry, failure: again };
        continue;
      }
      run.prefillMs.push(again.prefillMs);
      run.decodeTokensPerSec.push(again.decodeTokensPerSec);
      continue;
    }
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
    if (loader.model) onTimed({ ...turn, model: loader.model, result: again.value });
  }
  return true;
}

interface There {
  readonly peer: NonNullable<Turn['peer']>;
  readonly seat: PeerSeat;
  readonly reach: ReturnType<Part>;
}

/**
 * Runs a contender in the other engine, and kvtab greedily with the same tokens.
 *
 * @returns in words why it did not run, or `stopped`
 */
async function runPeer(
  engine: Engine,
  loader: Loader,
  { contender, load, request }: Turn,
  { peer, seat, reach }: There,
): Promise<Pick<WritableEntry, 'run' | 'beside'> | string> {
  if (peer.impossible !== null) return peer.impossible;
  const opened = await openThere(contender.id, { peer, seat, reach });
  if (typeof opened === 'string') return opened;
  const loaded = await loader.load(load);
  if (!loaded.ok) return explain(loaded.failure);
  const { promptTokens, ...facts } = opened;
  const own = await engine.generate(
    { ...request, input: { turns: [promptTokens] }, sampling: greedy, ignoreEos: true },
    ignore,
  );
  if (!own.ok) return explain(own.failure);
  if (own.value.end === 'stopped') return 'stopped';
  const run = await writeThere({ contender }, { peer, seat, reach });
  if (typeof run === 'string') return run;
  const beside: BesideKvtab = {
    ...{ facts, promptTokens: promptTokens.length, memory: run.memory },
    ...besideTokens(own.value.tokens, run),
  };
  return {
    beside,
    run: {
      ...{
        ...{ adapter: facts.program, adapterDetail: null },
        mode: 'parallel',
        text: run.text ?? '',
        newTokens: run.tokens.length,
      },
      ...{ kvBytes: run.kvBytes, allocatedBytes: null, prefillMs: [], decodeTokensPerSec: [] },
      // The last token is never fed, so nothing is kept of it.
      kvBytesPerToken: run.kvBytes / (promptTokens.length + run.tokens.length - 1),
    },
  };
}

function besideTokens(own: readonly number[], { tokens, pieces }: PeerRun) {
  const at = own.findIndex((token, i) => token !== tokens[i]);
  const said = (token: number | undefined, piece = '') =>
    token === undefined ? words.peer.noToken : words.peer.token(token, piece);
  return {
    tokens: own.length,
    difference: at < 0 ? null : { at, kvtab: said(own[at]), there: said(tokens[at], pieces?.[at]) },
  };
}

async function openThere(contender: number, { peer, seat, reach }: There) {
  const { newTokens } = peer.request;
  const { engine } = peer.request.files;
  const opened = await seat.open(contender, peer.request, (event) => {
    const progress = peerProgress(event, engine);
    if (progress) reach(progress.fraction, progress.what);
    if (event.type === 'tokens') reach(0.5 + 0.3 * (event.count / newTokens));
  });
  return opened.ok ? opened.value : inWords(opened.failure, engine);
}

/** Lets the other engine write once more. @returns in words why it did not, or `stopped` */
async function writeThere({ contender }: Pick<Turn, 'contender'>, there: There): Promise<PeerRun | string> {
  const opened = await openThere(contender.id, there);
  if (typeof opened === 'string') return opened;
  const { newTokens } = there.peer.request;
  const run = await there.seat.write((event) => {
    if (event.type === 'tokens') there.reach(event.count / newTokens);
  });
  return run.ok ? run.value : inWords(run.failure, there.peer.request.files.engine);
}

const inWords = (failure: PeerFailure, engine: PeerEngine) =>
  failure.code === 'stopped' ? 'stopped' : explainPeer(failure, engine);
