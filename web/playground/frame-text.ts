/** Collects text and hands it on at most once an animation frame, however many tokens a second arrive. */
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

  /** Hands on what is left: the end of a run does not wait for a frame, which a hidden tab may never draw. */
  flush(): void {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#frame = null;
    const text = this.#pending;
    this.#pending = '';
    if (text !== '') this.#deliver(text);
  }
}
