import type { StoreRows } from '../../../gpu/kv/store-rows.ts';
import type { EngineEvent } from '../../../worker/protocol/engine.ts';
import type { RunDesk } from '../../playground/run-desk.svelte.ts';
import { printable } from '../../ui/token-words.ts';

/** What the stores held when the text had so many tokens. */
interface Told {
  readonly textTokens: number;
  readonly stores: readonly StoreRows[];
}

type Desk = Pick<RunDesk, 'run' | 'listen'>;

/** What a run tells of its tokens and of its stores. Shown once a frame, however fast tokens arrive. */
export class HeldTrace {
  /** Grows with every frame in which something arrived. */
  version = $state(0);
  /** Null until a policy has cut the stores. */
  told = $state.raw<Told | null>(null);
  /** Whether runs under a policy tell which rows stay, which makes them slower. */
  watching = $state(true);
  /** Of the run that is traced. */
  number = $state(0);
  readonly #desk: Desk;
  #prompt: readonly string[] = [];
  #written: string[] = [];
  #read = 0;
  #kvBytes = 0;
  #frame: number | null = null;

  /** Follows the runs of a desk for as long as the desk lives. */
  constructor(desk: Desk) {
    this.#desk = desk;
    desk.listen((event) => this.#receive(event));
  }

  /** Tokens of the text that are in the caches: the last one that was written is not fed yet. */
  get textTokens(): number {
    return this.#read + Math.max(0, this.#written.length - 1);
  }

  /** KV in use at {@link textTokens}, as the engine said; 0 while the prompt is read. */
  get kvBytes(): number {
    return this.#kvBytes;
  }

  /** A token in letters; null if it was never told. */
  tokenAt(position: number): string | null {
    return this.#prompt[position] ?? this.#written[position - this.#prompt.length] ?? null;
  }

  #receive(event: EngineEvent): void {
    const { number } = this.#desk.run ?? { number: 0 };
    if (number !== this.number) this.#begin(number);
    switch (event.type) {
      case 'prompt':
        this.#prompt = event.tokens.map(printable);
        break;
      case 'prefill':
        this.#read = Math.round(event.fraction * event.promptTokens);
        break;
      case 'token':
        this.#written.push(printable(event));
        this.#kvBytes = event.kvBytes;
        break;
      case 'rows':
        this.told = { textTokens: event.textTokens, stores: event.stores };
        break;
      case 'stats':
        // They come a few times a second and at the end. A hidden tab may never draw another frame.
        this.#show();
        return;
      default:
        return;
    }
    this.#frame ??= requestAnimationFrame(() => this.#show());
  }

  #show(): void {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#frame = null;
    this.version++;
  }

  #begin(number: number): void {
    this.number = number;
    this.told = null;
    this.#prompt = [];
    this.#written = [];
    this.#read = 0;
    this.#kvBytes = 0;
    this.version++;
  }
}

const traces = new WeakMap<RunDesk, HeldTrace>();

/** The trace of a desk. It outlives the picture, which leaves the page while another tab is open. */
export function traceOf(desk: RunDesk): HeldTrace {
  const known = traces.get(desk);
  if (known) return known;
  const trace = new HeldTrace(desk);
  traces.set(desk, trace);
  return trace;
}
