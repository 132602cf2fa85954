/** Collects text and delivers it at most once per animation frame, however fast tokens arrive. */
export class FrameText {
  #pending = '';
  #frame: number | null = null;
  readonly #deliver: (text: string) => void;

  constructor(deliver: (text: string) => void) {
    this.#deliver = deliver;
  }

  add(text: string): void {
    if (text === '') return;
    this.#pending += text;
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.flush();
    });
  }

  /** Delivers the rest at once: a hidden tab may never draw another frame. */
  flush(): void {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#frame = null;
    const text = this.#pending;
    this.#pending = '';
    if (text !== '') this.#deliver(text);
  }
}
