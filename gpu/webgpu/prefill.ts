import type { PrefillOptions } from '../backend.ts';
import { paddedCols } from '../numbers/matrix-format.ts';
import type { Scope } from './memory.ts';
import { runParts, type Job, type Part } from './pacer.ts';
import { groupsOf, type Passes } from '../plan/forward-plan.ts';
import { slotRuns } from '../kv/slots.ts';
import { kvRowBytes } from '../kv/usage.ts';
import { readsAbove } from '../plan/layer-types.ts';
import { prefillSchedule, type PrefillPass } from '../plan/prefill-schedule.ts';
import type { StepForward } from './forward.ts';
import { recordEmbed } from './embed.ts';
import { FrozenRows } from './frozen-rows.ts';
import type { HiddenStates } from './hidden-states.ts';
import type { LastRowAttention } from './last-row-attention.ts';
import { recordLayer, type LayerRecordings, type PrefillBuffers } from './prefill-layer.ts';
import { layOut, type PrefillLayout } from './prefill-layout.ts';
import { allocateScratch, type PrefillScratch } from './prefill-scratch.ts';
import { replayJob, type PrefillStep } from './prefill-steps.ts';
import { readLikelihoods, wantedBlocks, type WantedBlocks, type WantedOfTurn } from './prompt-likelihoods.ts';
import {
  bindStores,
  nameStores,
  placeTurns,
  promptsOf,
  rowsSeenBefore,
  slotsIn,
  tablesOf,
  type TurnOfText,
  type TurnSlots,
} from './prompt-stores.ts';
import { runsOf } from './row-runs.ts';
import type { PassWatch } from './watch-passes.ts';

const mostLogitsBytes = 16 * 2 ** 20;

/** A turn to prefill, and what is wanted of it. */
export interface TurnToRead extends TurnOfText, Pick<WantedOfTurn, 'likelihoods'> {
  /** Where the hidden state of the last row goes, in bytes. */
  readonly into: { readonly buffer: GPUBuffer; readonly offset: number };
  /** The failure of a position whose logits are not finite. */
  readonly notFinite: WantedOfTurn['notFinite'];
}

/** What can be wanted of a turn that is read alone. */
type AskedOfOne = Pick<
  PrefillOptions,
  'logitsAt' | 'onLogits' | 'onHidden' | 'onMovement' | 'onAttention' | 'beforeCut'
>;

export interface PrefillRequest {
  readonly mode: PrefillOptions['mode'];
  /** Turns with one schedule, stores of the same kinds, and policies of one kind. */
  readonly turns: readonly TurnToRead[];
  readonly asked: AskedOfOne;
  readonly options: Pick<PrefillOptions, 'onPrepared' | 'onProgress' | 'stopped'>;
  /** Room that is large enough; null to make some. */
  readonly scratch: PrefillScratch | null;
}

export const nothingAsked: AskedOfOne = { logitsAt: [], onLogits: () => undefined };

/** Whether rows before the last one of a turn must go through all layers. */
export const needsEveryRow = (
  { session, likelihoods, rows }: Pick<TurnToRead, 'session' | 'likelihoods' | 'rows'>,
  { logitsAt, onHidden }: AskedOfOne,
): boolean =>
  (session.eviction?.run.accumulates ?? false) ||
  onHidden !== undefined ||
  logitsAt.some((position) => position < rows - 1) ||
  (likelihoods?.wanted ?? []).some(({ position }) => position < rows - 1);

/**
 * Prefills turns all rows at once, layer by layer, iterating the groups that read above themselves; leaves the hidden
 * state of each turn's last row where it goes, and all KV in the stores. Under a policy it reads prompts in sequential
 * mode too, because a prompt's rows need room of their own, and cuts the stores. What becomes of a turn does not depend
 * on the others, to the bit: see prompt-blocks.ts.
 *
 * @param forward with the buffers of any of the texts
 * @throws BackendError `not-finite`
 * @returns false if it was stopped
 */
export async function prefillTurns(
  forward: StepForward,
  passes: Passes,
  request: PrefillRequest,
): Promise<boolean> {
  const scope = forward.context.ledger.scope('prefill scratch');
  try {
    return await new Prefill(forward, passes, request, scope).run();
  } finally {
    for (const { session } of request.turns) session.eviction?.closePrompt();
    scope.free();
  }
}

class Prefill {
  readonly #forward: StepForward;
  readonly #passes: Passes;
  readonly #request: PrefillRequest;
  readonly #turns: readonly TurnToRead[];
  readonly #scope: Scope;
  readonly #everyScore: boolean;
  readonly #everyRow: boolean;
  readonly #layout: PrefillLayout;
  readonly #slots: TurnSlots;
  /** Null unless it is asked for. */
  #attention: LastRowAttention | null = null;

  constructor(forward: StepForward, passes: Passes, request: PrefillRequest, scope: Scope) {
    this.#forward = forward;
    this.#passes = passes;
    this.#request = request;
    this.#turns = request.turns;
    this.#scope = scope;
    this.#everyScore = forward.session.eviction?.run.accumulates ?? false;
    this.#everyRow = request.turns.some((turn) => needsEveryRow(turn, request.asked));
    this.#layout = layOut(forward, this.#turns, request.mode, this.#everyScore);
    this.#slots = placeTurns(this.#turns, forward.sharing.windowTokens);
  }

  async run(): Promise<boolean> {
    const { context, sharing } = this.#forward;
    const { turns, mode, asked, options } = this.#request;
    const { steps, blocks, rows } = this.#layout;
    for (const { session, start, rows: count } of turns) session.eviction?.startPrompt(start + count);
    const mostRows = Math.max(1, Math.floor(mostLogitsBytes / (4 * this.#forward.dims.vocabSize)));
    const runRows = Math.min(mostRows, context.tuning.chunkRows);
    const runsAt = (positions: readonly number[]) =>
      runsOf(positions, runRows).map(({ first, count }) => steps.addRun(first, count));
    const logitsRuns = runsAt(asked.logitsAt);
    const wanted = wantedBlocks(
      turns.map(({ likelihoods }) => likelihoods),
      steps,
      runRows,
    );
    const allRuns = asked.onHidden ? runsAt([...rows.keys()]) : [];

    const frozen = FrozenRows.of(this.#forward, this.#layout, this.#passes, this.#request);
    const buffers = await this.#prepare();
    const layers = await Promise.all(
      sharing.layers.map((layer) => recordLayer(this.#forward, this.#scope, buffers, layer)),
    );
    for (const { session, start } of turns) await session.eviction?.gatherHeld(start, this.#scope);
    const watches = asked.onMovement || frozen ? await this.#watches(buffers) : [];
    const states = asked.onHidden
      ? await (
          await import('./hidden-states.ts')
        ).HiddenStates.open(this.#forward, this.#scope, buffers, rows.length)
      : null;
    this.#attention = asked.onAttention ? await this.#watchLastRow(buffers) : null;
    const before = [
      ...(await this.#ringCopies(buffers, 'from-ring')),
      this.#clearNewRows(),
      ...(await this.#embed(buffers)),
      ...(states ? [states.copy(0)] : []),
      ...(mode === 'sequential' ? this.#rowByRow(layers, states) : []),
    ];
    const passes = (mode === 'sequential' ? [] : this.#schedule()).map((pass): Part => {
      const watch = watches.find(({ group }) => group.start === pass.group.start);
      return {
        jobs: () => {
          frozen?.enter(pass, buffers.steps);
          const computed = frozen?.steps ?? blocks;
          const passJobs = this.#passJobs(pass, buffers, layers, states, computed);
          const watched = computed.map(({ step }) => step);
          return watch ? [watch.beforePass(), ...passJobs, ...watch.afterPass(pass.pass, watched)] : passJobs;
        },
        ended: async () => frozen?.note(watch, pass),
      };
    });
    const after = [...(await this.#ringCopies(buffers, 'to-ring')), this.#copyLastHidden(buffers)];
    options.onPrepared?.();
    const whole = () => [...before, ...passes.flatMap(({ jobs }) => jobs()), ...after];
    const parts = frozen ? [{ jobs: () => before }, ...passes, { jobs: () => after }] : [{ jobs: whole }];
    const goesOn = (fraction: number) => {
      options.onProgress(fraction);
      return !options.stopped();
    };
    if (!(await runParts(context, parts, context.tuning.firstSubmitWork, goesOn))) return false;
    await this.#readLogits(buffers, logitsRuns);
    if (!(await this.#readLikelihoods(buffers, wanted))) return false;
    if (states && asked.onHidden) await states.read(allRuns, asked.onHidden);
    if (asked.onAttention) await this.#attention?.read(asked.onAttention);
    await this.#cut();
    for (const watch of watches) asked.onMovement?.(await watch.read(this.#forward));
    return true;
  }

  /** Scratch and tables. What lies in scratch that was used before is cleared where it must be zero. */
  async #prepare(): Promise<PrefillBuffers> {
    const { context, dims, kvPrecision } = this.#forward;
    const { steps, rows } = this.#layout;
    const { queue } = context.device;
    const named = nameStores(this.#turns, this.#slots);
    const scratch =
      this.#request.scratch ??
      allocateScratch(this.#scope, {
        ...{ dims, kvPrecision },
        ...slotsIn(this.#slots),
        rows: rows.length,
        blockRows: Math.min(context.tuning.chunkRows, rows.length),
        tables: named.tables.size,
      });
    const stepsBuffer = steps.write(this.#forward, this.#scope);
    const tables = tablesOf(named.tables, rows);
    if (this.#request.scratch) this.#clear(scratch);
    queue.writeBuffer(scratch.rowTablesBuffer, 0, tables.pack(0, rows.length));
    for (const [i, { session, start, rows: count }] of this.#turns.entries()) {
      session.eviction?.openPrompt(promptsOf(named, scratch, i), start, count);
    }
    await this.#scope.settled();
    return {
      ...scratch,
      ...bindStores(this.#turns, named, tables, scratch),
      steps: stepsBuffer,
      rowCounts: steps.rowCounts,
      rows: { buffer: scratch.rowTablesBuffer, offset: 0 },
    };
  }

  #clear({ windowed, evicting }: PrefillScratch): void {
    const { context, dims, kvPrecision } = this.#forward;
    const readFromBelow = this.#readFromBelow();
    const rowBytes = kvRowBytes(dims, kvPrecision);
    const encoder = context.device.createCommandEncoder({ label: 'clear' });
    for (const [owner, { slots }] of this.#slots.windowed) {
      const buffer = windowed.get(owner);
      if (buffer && readFromBelow.has(owner)) encoder.clearBuffer(buffer, 0, slots * rowBytes);
    }
    for (const [owner, { slots }] of this.#slots.evicting ?? []) {
      const memory = evicting?.get(owner);
      if (!memory) continue;
      encoder.clearBuffer(memory.added, 0, 4 * slots * dims.kvHeads);
      if (readFromBelow.has(owner)) encoder.clearBuffer(memory.kv, 0, slots * rowBytes);
    }
    context.device.queue.submit([encoder.finish()]);
  }

  #readFromBelow(): ReadonlySet<number> {
    return new Set(this.#forward.sharing.layers.filter(readsAbove).map((layer) => layer.readsFrom));
  }

  async #watches(buffers: PrefillBuffers): Promise<readonly PassWatch[]> {
    const { PassWatch } = await import('./watch-passes.ts');
    const iterated = groupsOf(this.#forward.sharing.layers).filter((group) => group.iterated);
    const { length: rows } = this.#layout.rows;
    return Promise.all(
      iterated.map((group) => PassWatch.open(this.#forward, this.#scope, buffers, group, this.#passes, rows)),
    );
  }

  async #watchLastRow(buffers: PrefillBuffers): Promise<LastRowAttention> {
    const { LastRowAttention } = await import('./last-row-attention.ts');
    const { rows, blocks } = this.#layout;
    const counts = new Set([1, blocks.at(-1)?.step.rows ?? 1]);
    return LastRowAttention.open(this.#forward, this.#scope, buffers, rows.at(-1)?.position ?? 0, counts);
  }

  /** What is wanted of a layer's attention, if the step ends with the last row of the only turn. */
  #attentionJobs(layer: number, step: PrefillStep): readonly Job[] {
    const ends = step.firstRow + step.rows === this.#layout.rows.length;
    return ends && this.#attention ? this.#attention.after(layer, step) : [];
  }

  #schedule(): readonly PrefillPass[] {
    const firstTurn = this.#turns[0]?.start === 0;
    return prefillSchedule(this.#forward.sharing, this.#passes, { firstTurn, everyRow: this.#everyRow });
  }

  /** Copies rows that windows see between rings and the stores that stand in for them. */
  async #ringCopies(buffers: PrefillBuffers, direction: 'from-ring' | 'to-ring'): Promise<readonly Job[]> {
    if (this.#slots.windowed.size === 0) return [];
    const { windowTokens } = this.#forward.sharing;
    const { ringCopies } = await import('./ring-copies.ts');
    return ringCopies(this.#forward, this.#scope, buffers, this.#turns, direction, ({ start, rows }) =>
      direction === 'from-ring'
        ? { from: start - rowsSeenBefore(start, windowTokens), to: start }
        : { from: Math.max(start, start + rows - windowTokens), to: start + rows },
    );
  }

  /** Multiply-adds of a row's scores and values, on the average of a step: what grows with the text. */
  #scoresWork(layer: number, { chunks, rows }: PrefillStep): number {
    const { dims, sharing } = this.#forward;
    const window = sharing.layers[layer]?.windowed ? sharing.windowTokens : Infinity;
    const keys = chunks.reduce((sum, { turn, firstRow, rows: count }) => {
      const end = (this.#turns[turn]?.start ?? 0) + firstRow + count;
      return sum + count * Math.min(end, window);
    }, 0);
    return (2 * dims.heads * dims.headDim * keys) / rows;
  }

  /** New positions start from zero KV; steps that were thrown away may have left something in their rows. */
  #clearNewRows(): Job {
    const { dims, kvPrecision } = this.#forward;
    const rowBytes = kvRowBytes(dims, kvPrecision);
    const readFromBelow = this.#readFromBelow();
    return {
      work: 0,
      copy: (encoder) => {
        for (const { session, start, rows } of this.#turns) {
          for (const [owner, { buffer, slots }] of session.storeBuffers) {
            // A scratch store begins as zeros.
            if (slots.kind !== 'linear' || !readFromBelow.has(owner)) continue;
            for (const run of slotRuns(slots, start, start + rows)) {
              encoder.clearBuffer(buffer, run.slot * rowBytes, run.rows * rowBytes);
            }
          }
        }
      },
    };
  }

  async #embed({ hidden, rows, steps: step }: PrefillBuffers): Promise<readonly Job[]> {
    const { context, weights, session, dims } = this.#forward;
    const recorder = context.kernels.record(this.#scope);
    const { tokens, tokenPlaces } = session;
    recordEmbed(recorder, weights, tokenPlaces, { tokens, hidden, rows, step });
    const recording = await recorder.finish();
    return this.#layout.blocks.map((block) => replayJob(recording, block.step, paddedCols(dims.hiddenSize)));
  }

  #passJobs(
    { group, pass, passes, steps }: PrefillPass,
    buffers: PrefillBuffers,
    layers: readonly LayerRecordings[],
    states: HiddenStates | null,
    computed: FrozenRows['steps'],
  ): readonly Job[] {
    const { hidden, entering } = buffers;
    const { blocks, last } = this.#layout;
    const jobs: Job[] = [];
    const lastPass = pass === passes - 1;
    if (group.iterated && passes > 1) {
      const [from, to] = pass === 0 ? [hidden, entering] : [entering, hidden];
      jobs.push({
        work: 0,
        copy: (encoder) => {
          for (const { step } of computed) {
            const [at, bytes] = [step.firstRow * this.#rowBytes, step.rows * this.#rowBytes];
            encoder.copyBufferToBuffer(from, at, to, at, bytes);
          }
        },
      });
    }
    for (const { layer, work, ownsKv, seesOnlyZeros } of steps) {
      const r = layers[layer];
      if (!r) continue;
      const rest = (step: PrefillStep, scored: PrefillStep | null) => {
        // Attention over zeros adds nothing but the output's bias. Scores do count zeros.
        const scores = lastPass && r.scores.dispatches > 0;
        const watched = lastPass ? this.#attentionJobs(layer, step) : [];
        if (!seesOnlyZeros || this.#forward.dims.outputBias || scores || watched.length > 0) {
          jobs.push(replayJob(r.attention, step, r.attentionWork + this.#scoresWork(layer, step)));
          if (scores && scored) jobs.push(replayJob(r.scores, scored, this.#scoresWork(layer, step)));
          jobs.push(replayJob(r.afterAttention, step, 0), ...watched);
        }
        jobs.push(replayJob(r.mlp, step, r.mlpWork));
      };
      // The states that leave a group are those above its last layer, of all rows.
      const whole = lastPass && layer === group.stop - 1;
      const onRows = whole ? blocks : computed;
      for (const { step, scored } of work === 'last' && !ownsKv ? [] : onRows) {
        jobs.push(replayJob(r.norm, step, 0), replayJob(r.kv, step, r.kvWork));
        if (work === 'all') rest(step, scored);
      }
      if (work === 'last') {
        // Above the highest owner there is nothing else, and no group is iterated.
        if (ownsKv) jobs.push(...this.#gatherLastRows(buffers));
        jobs.push(replayJob(r.norm, last, 0));
        rest(last, last);
      }
      if (states && lastPass) jobs.push(states.copy(layer + 1));
    }
    return jobs;
  }

  /** Copies the last row of each turn behind all rows. By way of another buffer: a copy within one is not allowed. */
  #gatherLastRows({ hidden, entering }: PrefillBuffers): readonly Job[] {
    if (this.#turns.length === 1) return [];
    const { last } = this.#layout;
    const rowBytes = this.#rowBytes;
    return [
      {
        work: 0,
        copy: (encoder) => {
          for (const [turn, { rows }] of this.#turns.entries()) {
            const from = this.#layout.placeOf(turn, rows - 1) * rowBytes;
            encoder.copyBufferToBuffer(hidden, from, entering, turn * rowBytes, rowBytes);
          }
          encoder.copyBufferToBuffer(entering, 0, hidden, last.firstRow * rowBytes, last.rows * rowBytes);
        },
      },
    ];
  }

  /** The next row of each turn through all layers, as sequential mode reads prompts. */
  #rowByRow(layers: readonly LayerRecordings[], states: HiddenStates | null): readonly Job[] {
    return this.#layout.blocks.flatMap(({ step, scored, firstRow }) =>
      layers.flatMap((r, layer) => [
        replayJob(r.norm, step, 0),
        replayJob(r.kv, step, r.kvWork),
        replayJob(r.attention, step, r.attentionWork + this.#scoresWork(layer, step)),
        ...(scored ? [replayJob(r.scores, scored, this.#scoresWork(layer, step))] : []),
        replayJob(r.afterAttention, step, 0),
        ...this.#attentionJobs(layer, step),
        replayJob(r.mlp, step, r.mlpWork),
        ...(states ? [states.copyRow(layer + 1, firstRow)] : []),
      ]),
    );
  }

  get #rowBytes(): number {
    return 4 * paddedCols(this.#forward.dims.hiddenSize);
  }

  /** Where the hidden state of a turn's row lies at the end. If only last rows go to the top, they lie behind all rows. */
  #topOf(turn: number, row: number): number {
    if (this.#request.mode === 'parallel' && !this.#everyRow) return this.#layout.last.firstRow + turn;
    return this.#layout.placeOf(turn, row);
  }

  #copyLastHidden({ hidden }: PrefillBuffers): Job {
    const copy = (encoder: GPUCommandEncoder) => {
      for (const [turn, { rows, into }] of this.#turns.entries()) {
        const row = this.#topOf(turn, rows - 1);
        encoder.copyBufferToBuffer(hidden, row * this.#rowBytes, into.buffer, into.offset, this.#rowBytes);
      }
    };
    return { work: 0, copy };
  }

  async #readLogits(buffers: PrefillBuffers, runs: readonly PrefillStep[]): Promise<void> {
    const [turn] = this.#turns;
    if (runs.length === 0 || !turn) return;
    const { onLogits } = this.#request.asked;
    const { readPromptLogits } = await import('./prompt-logits.ts');
    await readPromptLogits(this.#forward, this.#scope, buffers, runs, onLogits, (row) => turn.notFinite(row));
  }

  /** @returns false if it was stopped */
  async #readLikelihoods(buffers: PrefillBuffers, wanted: WantedBlocks): Promise<boolean> {
    if (wanted.length === 0) return true;
    const turns = this.#turns.map(({ likelihoods, notFinite }, turn) => ({
      ...{ likelihoods, notFinite },
      placeOf: (row: number) => this.#topOf(turn, row),
    }));
    return readLikelihoods(this.#forward, this.#scope, buffers, turns, wanted, this.#request.options.stopped);
  }

  /** Cuts the stores of all texts, whose rows are read back at the same time. */
  async #cut(): Promise<void> {
    if (!this.#slots.evicting) return;
    await this.#request.asked.beforeCut?.();
    await Promise.all(
      this.#turns.map(async ({ session, start, rows }) =>
        session.eviction?.endPrompt(start, start + rows, this.#scope),
      ),
    );
    await this.#scope.settled();
  }
}
