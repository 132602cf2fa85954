import type { ModelWeights, Session } from '../../gpu/backend.ts';
import { medianTimes, type KernelTime } from '../../gpu/plan/kernel-time.ts';
import type { Conversation } from './conversation.ts';
import { chooseMode, type Mode } from '../../gpu/plan/forward-plan.ts';
import { checkRequest, promptTurns } from './check-request.ts';
import { applyConfig } from '../loader/apply-config.ts';
import type { ModelConfig } from '../loader/model-config.ts';
import { Refused, valueOf } from '../outcome.ts';
import { PromptLogits } from './prompt-logits.ts';
import { withProbabilities } from '../text/drawn-token.ts';
import type { EngineEvent } from '../protocol/engine.ts';
import type { GenerateRequest, GenerateResult, TokenWithProbabilities } from '../protocol/generate.ts';
import { RunClock, throttle } from '../run-clock.ts';
import type { GuardedText } from '../text/guarded-text.ts';
import { LiveText } from '../text/live-text.ts';

/** What a run needs from a loaded model. */
export interface RunnableModel {
  readonly config: ModelConfig;
  readonly text: GuardedText | null;
  readonly chatEnds: readonly number[];
  readonly weights: ModelWeights;
  /** The KV of a chat between its turns. */
  readonly conversation: Conversation;
}

export interface RunOptions {
  readonly emit: (event: EngineEvent) => void;
  /** Asked between tokens, and between pieces of a prefill. */
  readonly stopped: () => boolean;
}

const STATS_INTERVAL_MS = 200;
const PROGRESS_INTERVAL_MS = 100;

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
  const { sharing, passes } = valueOf(applyConfig(stored, request.config, dims.layerCount));
  if (options.stopped()) return stoppedBeforeReading(model, request);
  const whole = await promptTurns(request.input, model.text, dims).catch((error: unknown) => {
    if (error instanceof Refused && error.failure.code === 'stopped') return null;
    throw error;
  });
  if (!whole) return stoppedBeforeReading(model, request);
  const prompt = whole.flat();
  const changed = 'text' in request.input ? await model.text?.changes(request.input.text) : null;
  const logits = new PromptLogits(prompt, request.logits, request.score);
  const probabilities = request.watch?.tokens ?? false;
  const opening = { sharing, passes, kvPrecision: request.kvPrecision, probabilities };
  const capacityTokens = prompt.length + request.maxNewTokens;
  const chat = 'chat' in request.input && request.logits.length === 0 && !request.score;

  // A run over a text needs the memory of the conversation.
  if (!chat) model.conversation.forget();
  const { session, ...reuse } = chat
    ? await model.conversation.resume(model.weights, prompt, opening, {
        capacityTokens,
        contextTokens: dims.contextTokens,
      })
    : { session: await model.weights.open({ ...opening, capacityTokens }), heldTokens: 0, reusedTokens: 0 };
  try {
    const turns = reuse.reusedTokens === 0 ? whole : [prompt.slice(reuse.reusedTokens)];
    const modes = turns.map((turn) =>
      chooseMode(request.mode, {
        layers: sharing.layers,
        promptTokens: turn.length,
        passes,
        useSequential: model.config.useSequential,
      }),
    );
    const clock = new RunClock(prompt.length - reuse.reusedTokens);
    const prefilled = await prefill(session, turns, modes, logits, clock, options);
    if (prefilled) clock.prefilled();
    const written = prefilled
      ? await decode(session, model, request, prompt, clock, options)
      : nothing(model);
    // The last token was never fed.
    const fed = prefilled ? [...prompt, ...written.tokens.slice(0, -1)] : prompt.slice(0, reuse.reusedTokens);
    if (chat) model.conversation.keep(fed);

    const kv = session.kvUsage();
    const timing = clock.timing();
    options.emit({ type: 'stats', kv, timing, newTokens: written.tokens.length });
    return {
      ...written,
      mode: modes.at(-1) ?? 'parallel',
      promptTokens: prompt.length,
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

/** Reads all turns. False if the run was stopped before the end. */
async function prefill(
  session: Session,
  turns: readonly (readonly number[])[],
  modes: readonly Mode[],
  logits: PromptLogits,
  clock: RunClock,
  { emit, stopped }: RunOptions,
): Promise<boolean> {
  const promptTokens = turns.reduce((sum, turn) => sum + turn.length, 0);
  let turnStart = 0;
  for (const [index, turn] of turns.entries()) {
    const start = turnStart;
    const mode = modes[index] ?? 'parallel';
    let fraction = 0; // of this turn
    const report = () => {
      emit({
        type: 'prefill',
        fraction: (start + fraction * turn.length) / promptTokens,
        promptTokens,
        mode,
      });
    };
    const reportSometimes = throttle(PROGRESS_INTERVAL_MS, report);
    const finished = await session.prefill(turn, {
      mode,
      logitsAt: logits.wantedIn(start, turn.length),
      onLogits: (position, row) => {
        logits.take(start + position, row);
      },
      onPrepared: () => {
        clock.startPrefill();
      },
      onProgress: (done) => {
        fraction = done;
        reportSometimes();
      },
      stopped,
    });
    if (!finished) return false;
    fraction = 1;
    report();
    turnStart += turn.length;
  }
  return true;
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
  clock: RunClock,
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
      : await session.decode({
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
