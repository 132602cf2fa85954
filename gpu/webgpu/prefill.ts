import type { BackendError } from '../backend-error.ts';
import type { PrefillOptions, WantedLikelihoods } from '../backend.ts';
import { allFinite } from '../numbers/finite.ts';
import { paddedCols } from '../numbers/matrix-format.ts';
import { stepStride, type Recording } from './kernel.ts';
import type { Scope } from './memory.ts';
import { runPaced, type Job } from './pacer.ts';
import { groupsOf, type Passes } from '../plan/forward-plan.ts';
import { slotRuns } from '../kv/slots.ts';
import { kvRowBytes } from '../kv/usage.ts';
import { readsAbove } from '../plan/layer-types.ts';
import { prefillSchedule, type PrefillPass } from '../plan/prefill-schedule.ts';
import type { Forward } from './forward.ts';
import { recordEmbed } from './embed.ts';
import type { HiddenStates } from './hidden-states.ts';
import {
  allocatePrefill,
  recordLayer,
  recordLogits,
  type LayerRecordings,
  type PrefillBuffers,
} from './prefill-layer.ts';
import { promptChunks, type PromptChunk } from './prompt-chunks.ts';
import { runsOf, type RowRun } from './row-runs.ts';
import { packSteps, type Step } from './step.ts';
import type { PassWatch } from './watch-passes.ts';

const mostLogitsBytes = 16 * 2 ** 20;

/** A turn to prefill: `rows` new positions from `start` on, whose tokens lie in `session.tokens`. */
export interface Turn {
  readonly start: number;
  readonly rows: number;
}

/**
 * Prefills a turn all rows at once, layer by layer, iterating the groups that read above themselves; leaves the last
 * row's hidden state in `session.hidden` and all KV in the stores. Under a policy it reads a prompt in sequential mode
 * too, because a prompt's rows need room of their own, and cuts the stores.
 *
 * @param notFinite the failure of a position whose logits are not finite
 * @returns false if it was stopped
 */
export async function prefillParallel(
  forward: Forward,
  passes: Passes,
  turn: Turn,
  options: PrefillOptions,
  notFinite: (position: number) => Promise<BackendError>,
): Promise<boolean> {
  const scope = forward.context.ledger.scope('prefill scratch');
  try {
    return await new ParallelPrefill(forward, passes, turn, options, notFinite, scope).run();
  } finally {
    forward.session.eviction?.closePrompt();
    scope.free();
  }
}

class ParallelPrefill {
  readonly #forward: Forward;
  readonly #passes: Passes;
  readonly #turn: Turn;
  readonly #options: PrefillOptions;
  readonly #notFinite: (position: number) => Promise<BackendError>;
  readonly #scope: Scope;
  readonly #steps: Step[] = [];
  readonly #firstScratchPosition: number;

  constructor(
    forward: Forward,
    passes: Passes,
    turn: Turn,
    options: PrefillOptions,
    notFinite: (position: number) => Promise<BackendError>,
    scope: Scope,
  ) {
    this.#forward = forward;
    this.#passes = passes;
    this.#turn = turn;
    this.#options = options;
    this.#notFinite = notFinite;
    this.#scope = scope;
    this.#firstScratchPosition = Math.max(0, turn.start - forward.sharing.windowTokens + 1);
  }

  async run(): Promise<boolean> {
    const { context, sharing } = this.#forward;
    const { start, rows } = this.#turn;
    const end = start + rows;
    const { chunkRows } = context.tuning;
    const { logitsAt, likelihoods, onHidden } = this.#options;
    const { eviction } = this.#forward.session;
    const everyScore = eviction?.run.accumulates ?? false;
    const wantedAt = [...new Set((likelihoods?.wanted ?? []).map(({ position }) => position))];
    const isEarly = (position: number) => position < rows - 1;
    const everyRow = everyScore || onHidden !== undefined || logitsAt.some(isEarly) || wantedAt.some(isEarly);
    eviction?.startPrompt(end);

    // The rows that the dispatches work on.
    const chunks: number[] = [];
    for (const chunk of this.#chunks()) chunks.push(this.#stepAt(chunk.firstRow, chunk.rows));
    const last = this.#stepAt(rows - 1, 1);
    const sequential = this.#options.mode === 'sequential';
    const eachRow = sequential ? Array.from({ length: rows }, (_, row) => this.#stepAt(row, 1)) : [];
    const logitsRows = Math.max(1, Math.floor(mostLogitsBytes / (4 * this.#forward.dims.vocabSize)));
    const steppedRuns = (positions: readonly number[]) =>
      runsOf(positions, Math.min(logitsRows, chunkRows)).map((run) => ({
        ...run,
        step: this.#stepAt(run.first, run.count),
      }));
    const runs = steppedRuns(logitsAt);
    const likelihoodRuns = steppedRuns(wantedAt);
    const allRows = onHidden ? steppedRuns([...Array(rows).keys()]) : [];

    const buffers = allocatePrefill(this.#forward, this.#scope, {
      turnStart: start,
      turnRows: rows,
      chunkRows: Math.min(chunkRows, rows),
      steps: this.#steps,
      firstScratchPosition: this.#firstScratchPosition,
    });
    await this.#scope.settled();
    context.device.queue.writeBuffer(buffers.steps, 0, packSteps(this.#steps));
    context.device.queue.writeBuffer(buffers.rowTablesBuffer, 0, buffers.rowTables.pack(start, rows));
    const layers = await Promise.all(
      sharing.layers.map((layer) => recordLayer(this.#forward, this.#scope, buffers, layer)),
    );

    if (eviction) await eviction.gatherHeld(start, this.#scope);

    const watches = this.#options.onMovement ? await this.#watches(buffers) : [];
    const states = onHidden
      ? await (
          await import('./hidden-states.ts')
        ).HiddenStates.open(this.#forward, this.#scope, buffers, rows)
      : null;
    const jobs = [
      ...(await this.#ringCopies(buffers, 'from-ring', this.#firstScratchPosition, start)),
      this.#clearNewRows(),
      ...(await this.#embed(buffers, chunks)),
      ...(states ? [states.copy(0)] : []),
      ...(sequential
        ? eachRow.flatMap((step, row) =>
            this.#rowJobs(step, layers, everyScore || step === eachRow.at(-1), states, row),
          )
        : prefillSchedule(sharing, this.#passes, { firstTurn: start === 0, everyRow }).flatMap((pass) =>
            this.#watched(
              pass,
              chunks,
              watches.find(({ group }) => group.start === pass.group.start),
              this.#passJobs(pass, buffers, layers, chunks, last, everyScore, states),
            ),
          )),
      ...(await this.#ringCopies(buffers, 'to-ring', Math.max(start, end - sharing.windowTokens), end)),
      this.#copyLastHidden(buffers),
    ];
    this.#options.onPrepared?.();
    const allWork = jobs.reduce((sum, job) => sum + job.work, 0);
    const finished = await runPaced(context, jobs, context.tuning.firstSubmitWork, (work) => {
      this.#options.onProgress(work / allWork);
      return !this.#options.stopped();
    });
    if (finished) await this.#readLogits(buffers, runs);
    if (finished && likelihoods) await this.#readLikelihoods(buffers, likelihoodRuns, likelihoods);
    if (finished && states && onHidden) await states.read(allRows, onHidden);
    if (finished && eviction) {
      await this.#options.beforeCut?.();
      await eviction.endPrompt(start, end, this.#scope);
      await this.#scope.settled();
    }
    if (finished) for (const watch of watches) this.#options.onMovement?.(await watch.read(this.#forward));
    return finished;
  }

  async #watches(buffers: PrefillBuffers): Promise<readonly PassWatch[]> {
    const { PassWatch } = await import('./watch-passes.ts');
    const iterated = groupsOf(this.#forward.sharing.layers).filter((group) => group.iterated);
    return Promise.all(
      iterated.map((group) =>
        PassWatch.open(this.#forward, this.#scope, buffers, group, this.#passes, this.#turn.rows),
      ),
    );
  }

  #watched(
    { pass }: PrefillPass,
    chunks: readonly number[],
    watch: PassWatch | undefined,
    jobs: readonly Job[],
  ): readonly Job[] {
    if (!watch) return jobs;
    const steps = chunks.map((step) => ({ step, rows: this.#steps[step]?.rows ?? 0 }));
    return [watch.beforePass(), ...jobs, ...watch.afterPass(pass, steps)];
  }

  #chunks(): readonly PromptChunk[] {
    const { dims, context, sharing } = this.#forward;
    const { chunkRows: mostRows, mostJobWork: mostWork } = context.tuning;
    const { hiddenSize, intermediateSize, heads, headDim } = dims;
    const seesAll = sharing.layers.some(({ windowed }) => !windowed);
    const mlp = 3 * hiddenSize * intermediateSize;
    const attention = (row: number) => {
      const keys = Math.min(this.#turn.start + row + 1, seesAll ? Infinity : sharing.windowTokens);
      return 2 * heads * headDim * (hiddenSize + keys);
    };
    return promptChunks(this.#turn.rows, (row) => Math.max(mlp, attention(row)), { mostRows, mostWork });
  }

  /** Adds a step and returns its index. */
  #stepAt(firstRow: number, rows: number): number {
    this.#steps.push({ rows, firstRow, windowTokens: this.#forward.sharing.windowTokens });
    return this.#steps.length - 1;
  }

  #replay(recording: Recording, step: number, workPerRow: number): Job {
    const rows = this.#steps[step]?.rows ?? 0;
    return {
      work: rows * workPerRow,
      dispatch: (pass) => recording.replay(pass, step * stepStride, rows),
    };
  }

  /** Copies the rows of the positions `[from, to)` between rings and scratch stores. */
  async #ringCopies(
    buffers: PrefillBuffers,
    direction: 'from-ring' | 'to-ring',
    from: number,
    to: number,
  ): Promise<Job[]> {
    const rings = [...buffers.storeBuffers.values()].some(({ slots }) => slots.kind === 'scratch');
    if (!rings || buffers.held || from >= to) return [];
    const { recordRingCopies } = await import('./ring-copies.ts');
    const recording = await recordRingCopies(this.#forward, this.#scope, buffers, direction, from, to);
    return [{ work: 0, dispatch: (pass) => recording.replay(pass, 0, to - from) }];
  }

  /** Multiply-adds of a row's scores and values: what grows with the text. */
  #scoresWork(layer: number, step: number): number {
    const { dims, sharing } = this.#forward;
    const { firstRow = 0, rows = 0 } = this.#steps[step] ?? {};
    const window = sharing.layers[layer]?.windowed ? sharing.windowTokens : Infinity;
    return 2 * dims.heads * dims.headDim * Math.min(this.#turn.start + firstRow + rows, window);
  }

  /** New positions start from zero KV; steps that were thrown away may have left something in their rows. */
  #clearNewRows(): Job {
    const { dims, kvPrecision, sharing, session } = this.#forward;
    const { start, rows } = this.#turn;
    const rowBytes = kvRowBytes(dims, kvPrecision);
    const readFromBelow = new Set(sharing.layers.filter(readsAbove).map((layer) => layer.readsFrom));
    return {
      work: 0,
      copy: (encoder) => {
        for (const [owner, { buffer, slots }] of session.storeBuffers) {
          // A scratch store begins as zeros.
          if (slots.kind === 'ring' || slots.kind === 'evicting' || !readFromBelow.has(owner)) continue;
          for (const run of slotRuns(slots, start, start + rows)) {
            encoder.clearBuffer(buffer, run.slot * rowBytes, run.rows * rowBytes);
          }
        }
      },
    };
  }

  async #embed({ hidden, rows, steps: step }: PrefillBuffers, chunks: readonly number[]): Promise<Job[]> {
    const { context, weights, session } = this.#forward;
    const recorder = context.kernels.record(this.#scope);
    const { tokens, tokenPlaces } = session;
    recordEmbed(recorder, weights, tokenPlaces, { tokens, hidden, rows, step });
    const recording = await recorder.finish();
    return chunks.map((chunk) => this.#replay(recording, chunk, paddedCols(this.#forward.dims.hiddenSize)));
  }

  #passJobs(
    { group, pass, passes, steps }: PrefillPass,
    { hidden, entering }: PrefillBuffers,
    layers: readonly LayerRecordings[],
    chunks: readonly number[],
    last: number,
    everyScore: boolean,
    states: HiddenStates | null,
  ): Job[] {
    const jobs: Job[] = [];
    const lastPass = pass === passes - 1;
    if (group.iterated && passes > 1) {
      const [from, to] = pass === 0 ? [hidden, entering] : [entering, hidden];
      jobs.push({ work: 0, copy: (encoder) => encoder.copyBufferToBuffer(from, 0, to, 0, from.size) });
    }
    for (const { layer, work, ownsKv, seesOnlyZeros } of steps) {
      const r = layers[layer];
      if (!r) continue;
      const rest = (step: number) => {
        // Attention over zeros adds nothing but the output's bias. Scores do count zeros.
        const scored = lastPass && r.scores.dispatches > 0;
        if (!seesOnlyZeros || this.#forward.dims.outputBias || scored) {
          jobs.push(this.#replay(r.attention, step, r.attentionWork + this.#scoresWork(layer, step)));
          const newest = step === last || step === chunks.at(-1);
          if (scored && (everyScore || newest)) {
            jobs.push(this.#replay(r.scores, step, this.#scoresWork(layer, step)));
          }
          jobs.push(this.#replay(r.afterAttention, step, 0));
        }
        jobs.push(this.#replay(r.mlp, step, r.mlpWork));
      };
      for (const chunk of work === 'last' && !ownsKv ? [] : chunks) {
        jobs.push(this.#replay(r.norm, chunk, 0), this.#replay(r.kv, chunk, r.kvWork));
        if (work === 'all') rest(chunk);
      }
      if (work === 'last') {
        jobs.push(this.#replay(r.norm, last, 0));
        rest(last);
      }
      if (states && lastPass) jobs.push(states.copy(layer + 1));
    }
    return jobs;
  }

  /** One row through all layers, as sequential mode reads a prompt. */
  #rowJobs(
    step: number,
    layers: readonly LayerRecordings[],
    scored: boolean,
    states: HiddenStates | null,
    row: number,
  ): Job[] {
    return layers.flatMap((r, layer) => [
      this.#replay(r.norm, step, 0),
      this.#replay(r.kv, step, r.kvWork),
      this.#replay(r.attention, step, r.attentionWork + this.#scoresWork(layer, step)),
      ...(scored ? [this.#replay(r.scores, step, this.#scoresWork(layer, step))] : []),
      this.#replay(r.afterAttention, step, 0),
      this.#replay(r.mlp, step, r.mlpWork),
      ...(states ? [states.copyRow(layer + 1, row)] : []),
    ]);
  }

  #copyLastHidden({ hidden }: PrefillBuffers): Job {
    const { dims, session } = this.#forward;
    const rowBytes = 4 * paddedCols(dims.hiddenSize);
    const from = (this.#turn.rows - 1) * rowBytes;
    return {
      work: 0,
      copy: (encoder) => encoder.copyBufferToBuffer(hidden, from, session.hidden, 0, rowBytes),
    };
  }

  async #readLogits(buffers: PrefillBuffers, runs: readonly SteppedRun[]): Promise<void> {
    if (runs.length === 0) return;
    const { context, dims } = this.#forward;
    const rowBytes = 4 * dims.vocabSize;
    const mostRows = Math.max(...runs.map((run) => run.count));
    const logits = this.#scope.storage('logits', mostRows * rowBytes);
    const staging = this.#scope.staging('logits read-back', mostRows * rowBytes);
    await this.#scope.settled();
    const recording = await recordLogits(this.#forward, this.#scope, buffers, logits);
    for (const run of runs) {
      const encoder = context.device.createCommandEncoder({ label: 'logits' });
      const pass = encoder.beginComputePass();
      recording.replay(pass, run.step * stepStride, run.count);
      pass.end();
      encoder.copyBufferToBuffer(logits, 0, staging, 0, run.count * rowBytes);
      context.device.queue.submit([encoder.finish()]);
      await context.wait(staging.mapAsync(GPUMapMode.READ));
      const values = new Float32Array(staging.getMappedRange());
      for (let row = 0; row < run.count; row++) {
        const from = row * dims.vocabSize;
        const rowLogits = values.subarray(from, from + dims.vocabSize);
        if (!allFinite(rowLogits)) throw await this.#notFinite(this.#turn.start + run.first + row);
        this.#options.onLogits(run.first + row, rowLogits);
      }
      staging.unmap();
    }
  }

  /** The logits stay on the device, a run of rows at a time. What is read back is a few numbers for each token. */
  async #readLikelihoods(
    buffers: PrefillBuffers,
    runs: readonly SteppedRun[],
    { wanted, onLikelihood }: WantedLikelihoods,
  ): Promise<void> {
    if (runs.length === 0) return;
    const { context, dims } = this.#forward;
    const { LikelihoodReader } = await import('./likelihood-reader.ts');
    const mostRows = Math.max(...runs.map((run) => run.count));
    const logits = this.#scope.storage('logits', mostRows * 4 * dims.vocabSize);
    const reader = await LikelihoodReader.open(this.#forward, this.#scope, wanted, runs, logits);
    const recording = await recordLogits(this.#forward, this.#scope, buffers, logits);
    const work = mostRows * dims.vocabSize * paddedCols(dims.hiddenSize);
    const jobs = runs.map((run, i): Job => ({
      work,
      dispatch: (pass) => {
        recording.replay(pass, run.step * stepStride, run.count);
        reader.replay(pass, i);
      },
    }));
    const finished = await runPaced(
      context,
      jobs,
      context.tuning.firstSubmitWork,
      () => !this.#options.stopped(),
    );
    if (!finished) return;
    for (const [i, likelihood] of (await reader.read()).entries()) {
      if (!likelihood) throw await this.#notFinite(this.#turn.start + (wanted[i]?.position ?? 0));
      onLikelihood(i, likelihood);
    }
  }
}

/** Neighboring rows, and the step that works on them. */
interface SteppedRun extends RowRun {
  readonly step: number;
}
