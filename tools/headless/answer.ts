import type { AdapterFacts } from '../../gpu/backend.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { KvUsage } from '../../gpu/kv/usage.ts';
import { isObject } from '../../worker/hostile-fields.ts';
import { attempt, Refused } from '../../worker/outcome.ts';
import type { EngineApi } from '../../worker/protocol/engine.ts';
import type { Failure } from '../../worker/protocol/failure.ts';
import type {
  GenerateRequest,
  GenerateResult,
  Timing,
  WatchedScores,
  WatchedStep,
} from '../../worker/protocol/generate.ts';
import type { SequencesResult } from '../../worker/protocol/sequences.ts';
import type { EvictedState, HeadRows, StoreRows } from '../../gpu/kv/store-rows.ts';
import type { ModelFacts } from '../../worker/protocol/load.ts';
import type { ExportResult } from '../../worker/protocol/export.ts';
import { parseRequest, type HeadlessRequest, type RunRequest } from './request.ts';

/** The answer to one request, as plain JSON. */
export type Answer =
  | { readonly ok: false; readonly failure: Failure }
  | AnswerOfRun
  | AnswerOfSequences
  | AnswerOfExport;

interface AnswerOfRun {
  readonly ok: true;
  readonly mode: Mode;
  readonly end: GenerateResult['end'];
  readonly tokens: readonly number[];
  readonly text: string | null;
  readonly logits: readonly (readonly number[])[];
  /** Present if the request asked for a score. */
  readonly nats?: number;
  readonly kv: KvUsage;
  readonly timing: Timing & { readonly loadMs: number };
  /** What `watch` asked for, in the form of worker/protocol/generate.ts. */
  readonly measured?: GenerateResult['probabilities'];
  readonly kernels?: GenerateResult['kernels'];
  readonly steps?: readonly StepAnswer[];
  readonly scores_after_prompt?: readonly ScoresByStore[];
  readonly scores_at_end?: Readonly<Record<string, readonly (readonly number[])[]>>;
  /** Under LESS: after the cut that follows the last turn's prompt, and at the end. */
  readonly state_after_prompt?: StatesByStore;
  readonly state_at_end?: StatesByStore;
  readonly convergence?: unknown;
  /** The scores of the request's `continuation`. */
  readonly scored?: unknown;
  readonly adapter: AdapterFacts;
  /** What in the model's files is contradictory or unused, and what its tokenizer changes in the prompt, as sentences. */
  readonly notices: readonly string[];
}

interface AnswerOfSequences extends Pick<SequencesResult, 'sequences' | 'kv' | 'notices'> {
  readonly ok: true;
  readonly timing: SequencesResult['timing'] & { readonly loadMs: number };
  readonly adapter: AdapterFacts;
}

/** One step, in the form of the golden files. */
interface StepAnswer {
  readonly fed: readonly number[];
  readonly logits: readonly number[];
  readonly kept: Readonly<Record<string, readonly (readonly number[])[]>>;
}

/** By store, and by KV head. */
type ScoresByStore = Readonly<Record<string, readonly Pick<HeadRows, 'positions' | 'scores'>[]>>;

/** What LESS made of the rows of one KV head that are gone. */
interface StateAnswer {
  readonly z: readonly number[];
  readonly H: readonly (readonly number[])[];
}

type StatesByStore = Readonly<Record<string, readonly StateAnswer[]>>;

interface AnswerOfExport extends Pick<ExportResult, 'files' | 'bytes' | 'readBy'> {
  readonly ok: true;
}

const ignoreEvents = () => undefined;

/**
 * Answers requests one after the other. Consecutive requests for the same model, backend and weights load it once.
 * Never throws: a failure of one request is its answer.
 *
 * @param requests one request, or an array of them
 * @returns one answer, or an array of as many
 */
export async function answerAll(engine: EngineApi, requests: unknown): Promise<Answer | readonly Answer[]> {
  if (!Array.isArray(requests)) return answer(engine, requests);
  const answers: Answer[] = [];
  for (const request of requests as readonly unknown[]) answers.push(await answer(engine, request));
  return answers;
}

async function answer(engine: EngineApi, json: unknown): Promise<Answer> {
  const request = parseRequest(json);
  if (!request.ok) return request;

  const startMs = performance.now();
  const facts = await engine.load(request.value.load, ignoreEvents);
  const loadMs = performance.now() - startMs;
  if (!facts.ok) return facts;

  const asked = withSuggested(request.value, json, facts.value);
  if ('export' in asked) {
    const exported = await engine.export(asked.export, ignoreEvents);
    if (!exported.ok) return exported;
    const { files, bytes, readBy } = exported.value;
    return { ok: true, files, bytes, readBy };
  }
  if ('sequences' in asked) {
    const written = await engine.generateSequences(asked.sequences, ignoreEvents);
    if (!written.ok) return written;
    const { sequences, kv, timing, notices } = written.value;
    const { adapter } = facts.value;
    const all = [...facts.value.notices, ...notices];
    return { ok: true, sequences, kv, timing: { loadMs, ...timing }, adapter, notices: all };
  }
  const result = await engine.generate(asked.generate, ignoreEvents);
  if (!result.ok) return { ok: false, failure: inRequestsWords(result.failure, asked) };
  const { convergence, score } = asked;
  const watched = convergence && (await engine.watchConvergence(convergence, ignoreEvents));
  if (watched && !watched.ok) return watched;
  const scored = score && (await engine.score(score, ignoreEvents));
  if (scored && !scored.ok) return scored;
  const answered = attempt(() => ({
    ...answerOf(result.value, asked.generate, facts.value, loadMs),
    ...(watched && { convergence: plain(watched.value) }),
    ...(scored && { scored: plain(scored.value) }),
  }));
  return answered.ok ? answered.value : answered;
}

/**
 * A request with what the model's authors suggest for the fields that it leaves out. A request with `sampling` says
 * everything itself: what that leaves out has the runner's own defaults.
 */
function withSuggested(
  asked: HeadlessRequest,
  json: unknown,
  { suggestedSampling }: ModelFacts,
): HeadlessRequest {
  if ('export' in asked || !suggestedSampling || !isObject(json)) return asked;
  if ((json['sampling'] ?? null) !== null) return asked;
  const { sampling, maxNewTokens } = suggestedSampling;
  const says = (json['maxNewTokens'] ?? null) !== null;
  if ('sequences' in asked) {
    const entries = Array.isArray(json['sequences']) ? (json['sequences'] as readonly unknown[]) : [];
    const saysIn = (index: number, field: string) => {
      const entry = entries[index];
      return isObject(entry) && (entry[field] ?? null) !== null;
    };
    const sequences = asked.sequences.sequences.map((sequence, i) => ({
      ...sequence,
      ...(!saysIn(i, 'sampling') && { sampling: { ...sampling, seed: sequence.sampling.seed } }),
      ...(!says && !saysIn(i, 'maxNewTokens') && maxNewTokens !== null && { maxNewTokens }),
    }));
    return { ...asked, sequences: { ...asked.sequences, sequences } };
  }
  const generate = {
    ...asked.generate,
    sampling: { ...sampling, seed: asked.generate.sampling.seed },
    maxNewTokens: says ? asked.generate.maxNewTokens : (maxNewTokens ?? asked.generate.maxNewTokens),
  };
  return { ...asked, generate };
}

function answerOf(
  result: GenerateResult,
  asked: GenerateRequest,
  facts: ModelFacts,
  loadMs: number,
): AnswerOfRun {
  const { mode, end, tokens, text, nats, kv, timing } = result;
  return {
    ok: true,
    mode,
    end,
    tokens,
    text,
    logits: result.logits.map((row, index) => numbers(row, asked.logits[index] ?? 0)),
    ...(result.probabilities && { measured: result.probabilities }),
    ...(result.kernels !== undefined && { kernels: result.kernels }),
    ...(result.steps && { steps: result.steps.map(stepOf) }),
    ...(result.scores && scoresOf(result.scores)),
    // The mean over all positions from 0 on.
    ...(nats === null ? {} : { nats: numbers([nats], 0)[0] ?? nats }),
    kv,
    timing: { loadMs, ...timing },
    adapter: facts.adapter,
    notices: [...facts.notices, ...result.notices],
  };
}

const stepOf = ({ fed, logits, kept, position }: WatchedStep): StepAnswer => ({
  fed,
  logits: numbers(logits, position),
  kept: byStore(kept, ({ positions }) => positions),
});

const scoresOf = ({ afterPrompt, afterCut, atEnd }: WatchedScores) => ({
  scores_after_prompt: afterPrompt.map((stores) =>
    byStore(stores, ({ positions, scores }) => ({ positions, scores })),
  ),
  scores_at_end: byStore(atEnd, ({ scores }) => scores),
  ...(hasStates(atEnd) && { state_after_prompt: statesOf(afterCut), state_at_end: statesOf(atEnd) }),
});

const hasStates = (stores: readonly StoreRows[]) =>
  stores.some(({ heads }) => heads.some(({ state }) => state !== null));

/** Stores that are read through windows only have no state. */
const statesOf = (stores: readonly StoreRows[]) =>
  Object.fromEntries(
    stores.flatMap(({ owner, heads }) => {
      const states = heads.flatMap(({ state }) => state ?? []);
      return states.length === 0 ? [] : [[String(owner), states.map(stateOf)]];
    }),
  );

const stateOf = ({ features, values }: EvictedState): StateAnswer => {
  const width = values.length / features.length;
  return {
    z: [...features],
    H: Array.from(features, (_, i) => [...values.subarray(i * width, (i + 1) * width)]),
  };
};

const byStore = <T>(stores: readonly StoreRows[], ofHead: (head: HeadRows) => T) =>
  Object.fromEntries(stores.map(({ owner, heads }) => [String(owner), heads.map(ofHead)]));

/** A result with plain arrays instead of float arrays, which JSON would write as objects. */
function plain(value: unknown): unknown {
  if (value instanceof Float32Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

/**
 * Finite numbers. The backends refuse logits that are not; this is the last door before JSON, which would silently
 * write null for them.
 */
function numbers(values: ArrayLike<number>, position: number): readonly number[] {
  const list = Array.from(values);
  if (list.every(Number.isFinite)) return list;
  throw new Refused({ code: 'not-finite', position, where: 'head' });
}

/** The engine calls what it reads turns or prompt. A failure must name the field that the request used. */
const inRequestsWords = (failure: Failure, { promptField }: RunRequest): Failure =>
  failure.code === 'bad-request' && ['turns', 'prompt'].includes(failure.field)
    ? { ...failure, field: promptField }
    : failure;
