import type { Positions } from './held-cache.ts';

/** Fewer tokens are never in view. */
const FEWEST_TOKENS = 16;

/** Which part of the text is in view: all of it, or a part that a person zoomed into. */
export class View {
  #zoom = $state(0);
  #first = $state(0);

  /** @param tokens of the whole picture */
  range(tokens: number): Positions {
    const shown = this.#shown(tokens);
    const from = Math.min(this.#first, Math.max(0, tokens - shown));
    return { from, to: from + shown };
  }

  get zoomed(): boolean {
    return this.#zoom > 0;
  }

  canZoomIn(tokens: number): boolean {
    return this.#shown(tokens) > FEWEST_TOKENS;
  }

  /** @param center the position that stays in view */
  zoomIn(tokens: number, center: number): void {
    if (!this.canZoomIn(tokens)) return;
    this.#zoom++;
    this.show(center, tokens);
  }

  zoomOut(tokens: number): void {
    if (!this.zoomed) return;
    const { from, to } = this.range(tokens);
    this.#zoom--;
    this.show(Math.floor((from + to) / 2), tokens);
  }

  /** Moves a position to the middle of the view. */
  show(position: number, tokens: number): void {
    const most = Math.max(0, tokens - this.#shown(tokens));
    this.#first = Math.min(Math.max(0, position - Math.floor(this.#shown(tokens) / 2)), most);
  }

  /** Begins the view at a position. */
  begin(first: number): void {
    this.#first = Math.max(0, first);
  }

  #shown(tokens: number): number {
    const shown = Math.max(FEWEST_TOKENS, Math.ceil(tokens / 2 ** this.#zoom));
    return Math.min(tokens, shown);
  }
}
