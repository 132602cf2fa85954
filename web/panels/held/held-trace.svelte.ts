import type { StoreRows } from '../../../gpu/kv/store-rows.ts';
import type { EngineEvent } from '../../../worker/protocol/engine.ts';
import { printable } from '../../ui/token-words.ts';

/** What the stores held when the text had so many tokens. */
interface Told {
  readonly textTokens: number;
  readonly stores: readonly StoreRows[];
}

/** What a run tells of its tokens and of its stores. Shown once a frame, however fast tokens arrive. */
export class HeldTrace {
  /** Grows with every frame in which something arrived. */
  version = $state(0);
  /** Null until a policy has cut the stores. */
  told = $state.raw<Told | null>(null);
  #prompt: readonly string[] = [];
  #written: string[] = [];
  #read = 0;
  #frame: number | null = null;

  /** Tokens of the text that are in the caches: the last one that was written is not fed yet. */
  get textTokens(): number {
    return this.#read + Math.max(0, this.#written.length - 1);
  }

  /** A token in letters; null if it was never told. */
  tokenAt(position: number): string | null {
    return this.#prompt[position] ?? this.#written[position - this.#prompt.length] ?? null;
  }

  receive(event: EngineEvent): void {
    switch (event.type) {
      case 'prompt':
        this.forget();
        this.#prompt = event.tokens.map(printable);
        break;
      case 'prefill':
        this.#read = Math.round(event.fraction * event.promptTokens);
        break;
      case 'token':
        this.#written.push(printable(event));
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

  /** Forgets the run before. */
  forget(): void {
    this.told = null;
    this.#prompt = [];
    this.#written = [];
    this.#read = 0;
    this.version++;
  }
}
