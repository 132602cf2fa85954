import { modelId } from '../model-id.ts';
import { attemptAsync, badRequest } from '../outcome.ts';
import type { Outcome } from '../protocol/failure.ts';
import type {
  HealApi,
  HealRequest,
  HealResult,
  KeptHealing,
  OnHealEvent,
  StoredHealed,
} from '../protocol/heal.ts';
import type { ModelRef } from '../protocol/load.ts';
import type { ModelSource } from '../loader/model-source.ts';
import type { TextPlace } from '../text/guarded-text.ts';
import type { Checkpoint, Checkpoints } from './checkpoints.ts';
import type { Locks } from '../hub/model-lock.ts';
import { healedFiles } from './healed-files.ts';
import { evaluate, Healing, type HealingState } from './healing.ts';
import { isOnSample, openHealing, type OpenedHealing } from './open-healing.ts';
import { storeHealed } from './store-healed.ts';

/** What a desk needs from the browser. Tests use their own. */
export interface HealParts {
  readonly openSource: (model: ModelRef) => Promise<ModelSource>;
  readonly openTextPlace: () => TextPlace;
  readonly checkpoints: Checkpoints;
  readonly locks: Locks;
  /** How much more may be stored; null if the browser does not say. */
  readonly room: () => Promise<number | null>;
  /** Lets messages in. */
  readonly breathe: () => Promise<void>;
  readonly now: () => number;
}

/** What a healing made. */
interface Last {
  readonly opened: OpenedHealing;
  readonly result: HealResult;
  readonly healing: Healing;
}

/** A closed tab loses at most this. */
const KEEP_MS = 60_000;
const LOCK = 'kvtab healing';
/** A worker that was ended a moment ago may still hold the lock. */
const LOCK_MS = 500;

/** The one healing of a page: runs, pauses, keeps and stores it. */
export class HealDesk implements HealApi {
  readonly #parts: HealParts;
  #stopped = false;
  /** Opens when a paused healing may go on; null if it is not paused. */
  #gate: { readonly opened: Promise<void>; readonly open: () => void } | null = null;
  #running = false;
  /** What the last healing made. */
  #last: Last | null = null;

  constructor(parts: HealParts) {
    this.#parts = parts;
  }

  heal(request: HealRequest, onEvent: OnHealEvent): Promise<Outcome<HealResult>> {
    return this.#alone(() => this.#run(request, null, onEvent));
  }

  continue(onEvent: OnHealEvent): Promise<Outcome<HealResult>> {
    return this.#alone(async () => {
      const here = this.#last;
      // What was stopped here, which another tab may have replaced on the device, or which was not kept there at all.
      const checkpoint = here
        ? { request: here.opened.request, state: here.healing.state() }
        : await this.#parts.checkpoints.read();
      if (!checkpoint) throw badRequest('checkpoint', 'there is no healing to continue');
      return this.#run(checkpoint.request, checkpoint, onEvent);
    });
  }

  kept(): Promise<Outcome<KeptHealing | null>> {
    return attemptAsync(async () => {
      const checkpoint = await this.#parts.checkpoints.read();
      if (!checkpoint) return null;
      const { request, state } = checkpoint;
      return {
        model: modelId(request.model),
        layerTypes: request.config.layerTypes ?? '',
        step: state.step,
        ...{ slidingWindow: request.config.slidingWindow ?? 0, onSample: isOnSample(request.text) },
        steps: request.recipe.steps,
        evaluations: state.evaluations,
      };
    });
  }

  pause(): void {
    if (this.#gate) return;
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.#gate = { opened, open };
  }

  resume(): void {
    this.#gate?.open();
    this.#gate = null;
  }

  stop(): void {
    this.#stopped = true;
    this.resume();
  }

  store(engine: string): Promise<Outcome<StoredHealed>> {
    return attemptAsync(async () => {
      if (!this.#last) throw badRequest('model', 'nothing was healed yet');
      const { opened } = this.#last;
      const result = await this.#evaluated(this.#last);
      const { model } = opened.request;
      const source = await this.#parts.openSource(model);
      const healed = await healedFiles(opened, result, source, { name: modelId(model), engine });
      return storeHealed(healed, this.#parts.room);
    });
  }

  drop(): Promise<Outcome<void>> {
    return attemptAsync(() =>
      this.#locked(async () => {
        this.#last = null;
        await this.#parts.checkpoints.drop();
      }),
    );
  }

  /** A healing that was stopped has not read the held-out text with its last weights. */
  async #evaluated({ opened, result }: Last): Promise<HealResult> {
    if (result.evaluations.at(-1)?.step === result.step) return result;
    const evaluated = await evaluate(opened, { breathe: this.#parts.breathe, stopped: () => false });
    return evaluated ? { ...result, evaluations: [...result.evaluations, evaluated] } : result;
  }

  #alone(work: () => Promise<HealResult>): Promise<Outcome<HealResult>> {
    return attemptAsync(async () => {
      if (this.#running) throw badRequest('model', 'another plan is being healed: stop that first');
      this.#running = true;
      this.#stopped = false;
      try {
        return await this.#locked(work);
      } finally {
        this.#running = false;
        this.resume();
      }
    });
  }

  /** The device has one checkpoint: two tabs that heal would spoil each other's. */
  async #locked<T>(work: () => Promise<T>): Promise<T> {
    const { locks } = this.#parts;
    if (!locks) return work();
    let held = false;
    const signal = AbortSignal.timeout(LOCK_MS);
    const begun = locks.request(LOCK, { signal }, () => {
      held = true;
      return work();
    });
    return begun.catch((error: unknown) => {
      if (held) throw error;
      throw badRequest('model', 'another tab heals a plan: wait for that, or stop it');
    });
  }

  async #run(request: HealRequest, checkpoint: Checkpoint | null, onEvent: OnHealEvent): Promise<HealResult> {
    const { openSource, openTextPlace } = this.#parts;
    this.#last = null;
    const opened = await openHealing(request, await openSource(request.model), openTextPlace);
    try {
      return await this.#runOpened(opened, checkpoint, onEvent);
    } finally {
      opened.text.close();
    }
  }

  async #runOpened(
    opened: OpenedHealing,
    checkpoint: Checkpoint | null,
    onEvent: OnHealEvent,
  ): Promise<HealResult> {
    const { checkpoints, now, breathe } = this.#parts;
    const { request } = opened;
    onEvent({ type: 'opened', facts: opened.facts });
    // Files that were opened are gone with the page, so their healing could not continue.
    const isKept = typeof request.model === 'string' || request.model.from === 'hub';
    if (isKept) {
      await whatever(checkpoint ? checkpoints.renew(checkpoint) : checkpoints.begin(request));
    }
    let latest: (() => HealingState) | null = null;
    let keptMs = now();
    const keep = async () => {
      keptMs = now();
      if (isKept && latest) await whatever(checkpoints.keep(latest()));
    };
    const healing = new Healing(opened, {
      emit: onEvent,
      breathe: async () => {
        await breathe();
        if (!this.#gate) return;
        await keep();
        await this.#gate.opened;
      },
      stopped: () => this.#stopped,
      keep: async (state) => {
        latest = state;
        if (now() - keptMs >= KEEP_MS) await keep();
      },
      now,
    });
    if (checkpoint) restore(healing, checkpoint);
    const result = await healing.run();
    await keep();
    this.#last = { opened, result, healing };
    return result;
  }
}

function restore(healing: Healing, { state }: Checkpoint): void {
  try {
    healing.restore(state);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const reason =
      'the healing that was kept is of another version of this page or of the model: start again';
    throw badRequest('checkpoint', reason);
  }
}

/** A browser that keeps nothing (private windows) still heals; it cannot continue after a reload. */
const whatever = (writing: Promise<void>) => writing.catch(() => undefined);
