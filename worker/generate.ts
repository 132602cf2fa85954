import type { ModelWeights, Session } from '../gpu/backend.ts';
import { medianTimes, type KernelTime } from '../gpu/plan/kernel-time.ts';
import { chooseMode, type Mode } from '../gpu/plan/forward-plan.ts';
import { checkRequest, promptTurns } from './check-request.ts';
import { applyConfig } from './loader/apply-config.ts';
import type { ModelConfig } from './loader/model-config.ts';
import { valueOf } from './outcome.ts';
import { PromptLogits } from './prompt-logits.ts';
import { tokenText } from './measure/token-text.ts';
import type { EngineEvent, GenerateRequest, GenerateResult, MeasuredToken } from './protocol.ts';
import { RunClock, throttle } from './run-clock.ts';
import { TextStream } from './text-stream.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** What a run needs of a loaded model. */
export interface RunnableModel {
  readonly config: ModelConfig;
  readonly tokenizer: TextTokenizer | null;
  readonly weights: ModelWeights;
}

export interface RunOptions {
  readonly emit: (event: EngineEvent) => void;
  /** Asked between tokens, and between pieces of a prefill. */
  readonly stopped: () => boolean;
}

const STATS_INTERVAL_MS = 200;
const PROGRESS_INTERVAL_MS = 100;

/**
 * One run: reads the prompt turn by turn, continues it, and measures both. Takes nothing that it does not free.
 *
 * @returns what there is; a run that was stopped has its end 'stopped' and all tokens up to there
 * @throws Refused with `bad-request`, `bad-config` or `bad-layer-types`; BackendError
 */
export async function generate(
  model: RunnableModel,
  request: GenerateRequest,
  options: RunOptions,
): Promise<GenerateResult> {
  const { dims, stored } = model.config;
  checkRequest(request);
  const { sharing, passes } = valueOf(applyConfig(stored, request.config, dims.layerCount));
  const turns = promptTurns(request.input, model.tokenizer, dims.vocabSize);
  const prompt = turns.flat();
  const logits = new PromptLogits(prompt, request.logits, request.score);
  const modes = turns.map((turn) =>
    chooseMode(request.mode, {
      layers: sharing.layers,
      promptTokens: turn.length,
      passes,
      useSequential: model.config.useSequential,
    }),
  );

  const session = await model.weights.open({
    sharing,
    passes,
    kvPrecision: request.kvPrecision,
    capacityTokens: prompt.length + request.maxNewTokens,
    measured: request.watch?.tokens ?? false,
  });
  try {
    const clock = new RunClock(prompt.length);
    const prefilled = await prefill(session, turns, modes, logits, clock, options);
    if (prefilled) clock.prefilled();
    const written = prefilled
      ? await decode(session, model, request, prompt, clock, options)
      : nothing(model);

    const kv = session.kvUsage();
    const timing = clock.timing();
    options.emit({ type: 'stats', kv, timing, newTokens: written.tokens.length });
    return {
      ...written,
      mode: modes.at(-1) ?? 'parallel',
      promptTokens: prompt.length,
      logits: logits.rows(),
      nats: logits.meanNats(),
      kv,
      timing,
      ...(request.watch?.kernels && { kernels: await timeKernels(session, written.tokens.length) }),
    };
  } finally {
    session.close();
  }
}

/** Reads all turns; false where the run was stopped before the end. */
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
    let share = 0;
    const tell = () => {
      emit({ type: 'prefill', share: (start + share * turn.length) / promptTokens, promptTokens, mode });
    };
    const tellSometimes = throttle(PROGRESS_INTERVAL_MS, tell);
    const finished = await session.prefill(turn, {
      mode,
      logitsAt: logits.wantedIn(start, turn.length),
      onLogits: (position, row) => {
        logits.take(start + position, row);
      },
      onPrepared: () => {
        clock.begin();
      },
      onProgress: (done) => {
        share = done;
        tellSometimes();
      },
      stopped,
    });
    if (!finished) return false;
    share = 1;
    tell();
    turnStart += turn.length;
  }
  return true;
}

type Written = Pick<GenerateResult, 'end' | 'tokens' | 'text' | 'measured'>;

const nothing = ({ tokenizer }: RunnableModel): Written => ({
  end: 'stopped',
  tokens: [],
  text: tokenizer ? '' : null,
});

/** Continues the text. The token that ends it is the last of the tokens, and has no text. */
async function decode(
  session: Session,
  { config, tokenizer }: RunnableModel,
  { maxNewTokens, ignoreEos, sampling, watch }: GenerateRequest,
  prompt: readonly number[],
  clock: RunClock,
  { emit, stopped }: RunOptions,
): Promise<Written> {
  const ends = new Set(config.eosIds);
  const stream = tokenizer && new TextStream(silencing(tokenizer, ends), prompt);
  const tokens: number[] = [];
  const measured: MeasuredToken[] = [];
  let lastMs: number | null = null;
  let text = '';
  const tellStats = throttle(STATS_INTERVAL_MS, () => {
    emit({ type: 'stats', kv: session.kvUsage(), timing: clock.timing(), newTokens: tokens.length });
  });

  const end =
    maxNewTokens === 0
      ? 'length'
      : await session.decode({
          sampling,
          maxNewTokens,
          endTokens: ignoreEos ? new Set() : ends,
          onToken: (token, measure) => {
            clock.token();
            const before = tokens.at(-1) ?? prompt.at(-1);
            tokens.push(token);
            const fresh = stream?.push(token) ?? '';
            text += fresh;
            if (measure) {
              const nowMs = performance.now();
              const chance = (id: number, probability: number) => ({
                id,
                text: tokenText(tokenizer, before, id),
                probability,
              });
              measured.push({
                ...chance(token, measure.probability),
                rank: measure.rank,
                ms: nowMs - (lastMs ?? nowMs),
                alternatives: measure.alternatives.map((other) => chance(other.token, other.probability)),
              });
              lastMs = nowMs;
            }
            const told = measured.at(-1);
            emit({ type: 'token', id: token, text: fresh, ...(told && { measured: told }) });
            tellStats();
          },
          stopped,
        });
  return { end, tokens, text: stream && text + stream.flush(), ...(watch?.tokens && { measured }) };
}

const timedSteps = 5;

/** GPU time by kernel of one step after the run, the median of a few; null where there is none to tell. */
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

/** A tokenizer for which the tokens that end a text have no text either, whether or not it calls them special. */
const silencing = (tokenizer: TextTokenizer, ends: ReadonlySet<number>) => ({
  decode: tokenizer.decode,
  isSilent: (token: number) => ends.has(token) || tokenizer.isSilent(token),
});
