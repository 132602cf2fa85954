import type { Backend, ModelWeights, Session } from '../../gpu/backend.ts';
import { medianTimes, type KernelTime } from '../../gpu/plan/kernel-time.ts';
import type { Conversation } from './conversation.ts';
import { ownersOf } from '../../gpu/plan/layer-types.ts';
import { checkAllGiven, checkRequest, promptTurns, tokensOf } from './check-request.ts';
import { decodeWatched, readPrompt } from './read-prompt.ts';
import { RunWatch } from './watch-run.ts';
import { applyConfig } from '../loader/apply-config.ts';
import type { ModelConfig } from '../loader/model-config.ts';
import type { ModelSource } from '../loader/model-source.ts';
import { Refused, valueOf } from '../outcome.ts';
import { modeOf } from './mode-of.ts';
import { evictionOf, policyOf } from './open-policy.ts';
import { refuseTooMany } from './answer-size.ts';
import { PromptLogits } from './prompt-logits.ts';
import { withProbabilities } from '../text/drawn-token.ts';
import type { EngineEvent } from '../protocol/engine.ts';
import type {
  GenerateRequest,
  GenerateResult,
  TokenWithProbabilities,
  TokenWithText,
} from '../protocol/generate.ts';
import { RunClock, throttle } from '../run-clock.ts';
import type { GuardedText } from '../text/guarded-text.ts';
import { LiveText } from '../text/live-text.ts';

/** What a run needs from a loaded model. */
export interface RunnableModel {
  readonly config: ModelConfig;
  readonly text: GuardedText | null;
  readonly chatEnds: readonly number[];
  readonly weights: ModelWeights;
  /** Which mode is the fastest depends on it. */
  readonly backend: Pick<Backend, 'adapter'>;
  /** The KV of a chat between its turns. */
  readonly conversation: Conversation;
  /** Opens the model's files again: some are read only if a run asks for them. */
  readonly openSource: () => Promise<ModelSource>;
}

export interface RunOptions {
  readonly emit: (event: EngineEvent) => void;
  /** Asked between tokens, and between pieces of a prefill. */
  readonly stopped: () => boolean;
}

const STATS_INTERVAL_MS = 200;
/** Tokens of a prompt whose texts are told. */
const MOST_TOLD = 20_000;

/**
 * One run: reads the prompt turn by turn, continues it, and times both. Frees everything that it allocates, except
 * the KV of a conversation, which is kept for its next turn.
 *
 * @returns the result; a stopped run has the end 'stopped' and all tokens up to that point
 * @throws Refused with `bad-request`, `bad-config`, `bad-layer-types`, `bad-tokenizer` or `bad-template`; BackendError
 */
export async function generate(
  model: RunnableModel,
  request: GenerateRequest,
  options: RunOptions,
): Promise<GenerateResult> {
  const { dims, stored } = model.config;
  checkRequest(request);
  const { sharing, passes } = valueOf(applyConfig(stored, request.config, dims.layerCount, request.freeze));
  const { contextTokens } = dims;
  const policy = await policyOf(request.policy, { contextTokens, maxNewTokens: request.maxNewTokens });
  if (options.stopped()) return stoppedBeforeReading(model, request);
  const turns = await promptTurns(request.input, model.text, dims, policy).catch((error: unknown) => {
    if (error instanceof Refused && error.failure.code === 'stopped') return null;
    throw error;
  });
  if (!turns) return stoppedBeforeReading(model, request);
  const given = tokensOf(turns);
  const changed = 'text' in request.input ? await model.text?.changes(request.input.text) : null;
  if (request.score) checkAllGiven('score', turns);
  if (request.watch?.rows && given.length <= MOST_TOLD) {
    options.emit({ type: 'prompt', tokens: await withTexts(given, model.text) });
  }
  refuseTooMany('logits', 'rows', request.logits.length, dims.vocabSize);
  const logits = new PromptLogits(given, request.logits, request.score);
  const probabilities = request.watch?.tokens ?? false;
  const promptTokens = given.length + turns.reduce((sum, { newTokens }) => sum + newTokens, 0);
  const capacityTokens = promptTokens + request.maxNewTokens;
  if (request.watch?.steps) {
    const pieces = turns.reduce(
      (sum, { tokens }) => sum + Math.ceil(tokens.length / (policy.chunk ?? tokens.length)),
      0,
    );
    const positions = ownersOf(sharing.layers).length * dims.kvHeads * (capacityTokens / 2); // the mean of all steps
    const numbers = dims.vocabSize + (policy.id === 'none' ? Math.ceil(positions) : 0);
    refuseTooMany('watch', 'steps', pieces + capacityTokens - given.length, numbers);
  }
  const chat = 'chat' in request.input && request.logits.length === 0 && !request.score;
  // How long a conversation gets, its memory decides.
  const eviction = await evictionOf(model, sharing, policy, {
    scored: request.watch?.scores ?? false,
    promptTokens: chat ? 0 : promptTokens,
  });
  const opening = { sharing, passes, kvPrecision: request.kvPrecision, probabilities, ...eviction };

  // A run over a text needs the memory of the conversation.
  if (!chat) model.conversation.forget();
  const { session, ...reuse } = chat
    ? await model.conversation.resume(model.weights, given, opening, {
        capacityTokens,
        // Ranks do not grow with the text.
        contextTokens: policy.positions === 'cache' ? Infinity : contextTokens,
      })
    : { session: await model.weights.open({ ...opening, capacityTokens }), heldTokens: 0, reusedTokens: 0 };
  try {
    const watch = new RunWatch(session, {
      watch: request.watch,
      evicts: policy.id !== 'none',
      heldTokens: reuse.reusedTokens,
      emit: options.emit,
    });
    const reading = {
      turns: reuse.reusedTokens === 0 ? turns : [{ tokens: given.slice(reuse.reusedTokens), newTokens: 0 }],
      modeOf: modeOf(model, request.mode, { sharing, passes }),
      policy,
    };
    const clock = new RunClock(given.length - reuse.reusedTokens);
    const text = [...given.slice(0, reuse.reusedTokens)];
    const mode = await readPrompt(session, reading, text, { logits, watch, clock }, options);
    if (mode) clock.prefilled();
    const written = mode
      ? await decode(session, model, request, text, { clock, watch }, options)
      : nothing(model);
    // The last token was never fed.
    const held = [...text, ...written.tokens.slice(0, -1)];
    if (chat) model.conversation.keep(held);
    if (mode) await watch.ended(held.length);

    const kv = session.kvUsage();
    const timing = clock.timing();
    options.emit({ type: 'stats', kv, timing, newTokens: written.tokens.length });
    return {
      ...written,
      ...(await watch.results()),
      mode: mode ?? reading.modeOf(given.length),
      promptTokens: given.length,
      notices: changed ? [changed] : [],
      reuse,
      logits: logits.rows(),
      nats: logits.meanNats(),
      kv,
      timing,
      ...(request.watch?.kernels && { kernels: await timeKernels(session, written.tokens.length) }),
    };
  } finally {
    if (!chat) session.close();
    else model.conversation.settle();
  }
}

async function withTexts(
  tokens: readonly number[],
  text: GuardedText | null,
): Promise<readonly TokenWithText[]> {
  const texts = await text?.textsOf(tokens.map((id, i) => [tokens[i - 1], id]));
  return tokens.map((id, i) => ({ id, text: texts?.[i] ?? '' }));
}

/** The result of a run that was stopped while its prompt was turned into tokens. */
function stoppedBeforeReading(model: RunnableModel, request: GenerateRequest): GenerateResult {
  return {
    ...nothing(model),
    mode: request.mode === 'sequential' ? 'sequential' : 'parallel',
    promptTokens: 0,
    notices: [],
    reuse: { heldTokens: 0, reusedTokens: 0 },
    logits: [],
    nats: null,
    kv: { bytes: 0, allocatedBytes: 0, bytesPerToken: 0, layers: [] },
    timing: new RunClock(0).timing(),
  };
}

type Written = Pick<GenerateResult, 'end' | 'tokens' | 'text' | 'probabilities'>;

const nothing = ({ text }: RunnableModel): Written => ({
  end: 'stopped',
  tokens: [],
  text: text ? '' : null,
});

/** Continues the text. The token that ends it is the last one of `tokens`, and has no text. */
async function decode(
  session: Session,
  { config, text, chatEnds }: RunnableModel,
  { input, maxNewTokens, ignoreEos, sampling, watch }: GenerateRequest,
  prompt: readonly number[],
  { clock, watch: runWatch }: { readonly clock: RunClock; readonly watch: RunWatch },
  { emit, stopped }: RunOptions,
): Promise<Written> {
  const ends = 'chat' in input ? chatEnds : config.eosIds;
  const probabilities: TokenWithProbabilities[] = [];
  const arrivalsMs: number[] = [];
  const kvBytes: number[] = [];
  let reported = 0;
  const reportToken = (id: number, fresh: string, found?: TokenWithProbabilities) => {
    if (found) probabilities.push(found);
    const ms = (arrivalsMs[reported] ?? 0) - (arrivalsMs[0] ?? 0);
    const bytes = kvBytes[reported++] ?? 0;
    emit({ type: 'token', id, text: fresh, ms, kvBytes: bytes, ...(found && { probabilities: found }) });
  };
  await text?.startText(prompt, ends);
  const live = text && new LiveText(text, reportToken);
  const tokens: number[] = [];
  const reportStats = throttle(STATS_INTERVAL_MS, () => {
    emit({ type: 'stats', kv: session.kvUsage(), timing: clock.timing(), newTokens: tokens.length });
  });

  const end =
    maxNewTokens === 0
      ? 'length'
      : await decodeWatched(session, runWatch, {
          sampling,
          maxNewTokens,
          endTokens: new Set(ignoreEos ? [] : ends),
          onToken: (token, found) => {
            clock.token();
            const before = tokens.at(-1) ?? prompt.at(-1);
            tokens.push(token);
            const nowMs = performance.now();
            const drawn = { token, before, probabilities: found, ms: nowMs - (arrivalsMs.at(-1) ?? nowMs) };
            arrivalsMs.push(nowMs);
            kvBytes.push(session.kvBytesInUse);
            if (live) live.push(drawn);
            else reportToken(token, '', withProbabilities(drawn, []));
            reportStats();
          },
          stopped: () => stopped() || (live?.failed ?? false),
        });
  const whole = live && (await live.finish());
  return { end, tokens, text: whole, ...(watch?.tokens && { probabilities }) };
}

const timedSteps = 5;

/** GPU time of one step after the run, by kernel: the median of a few steps. Null if the backend cannot measure it. */
async function timeKernels(session: Session, newTokens: number): Promise<readonly KernelTime[] | null> {
  if (newTokens === 0) return null;
  const steps: (readonly KernelTime[])[] = [];
  while (steps.length < timedSteps) {
    const step = await session.profileStep();
    if (!step) return null;
    steps.push(step);
  }
  return medianTimes(steps);
}
