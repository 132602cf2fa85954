/** Which layers of the picture are selected, and which one has the keyboard. */
export class LayerSelection {
  #layers = $state.raw<readonly number[]>([]);
  #active = $state.raw(0);
  #anchor = 0;

  /** Ascending. */
  get layers(): readonly number[] {
    return this.#layers;
  }

  get active(): number {
    return this.#active;
  }

  has(layer: number): boolean {
    return this.#layers.includes(layer);
  }

  /** Selects only this layer. */
  only(layer: number): void {
    this.#active = this.#anchor = layer;
    this.#layers = [layer];
  }

  /** Adds this layer to the selection, or removes it. */
  toggle(layer: number): void {
    this.#active = this.#anchor = layer;
    const others = this.#layers.filter((other) => other !== layer);
    this.#layers = others.length < this.#layers.length ? others : [...others, layer].sort((a, b) => a - b);
  }

  /** Selects everything from the start of the selection to this layer. */
  extend(layer: number): void {
    this.#active = layer;
    const first = Math.min(this.#anchor, layer);
    this.#layers = Array.from({ length: Math.abs(this.#anchor - layer) + 1 }, (_, step) => first + step);
  }

  all(layerCount: number): void {
    this.#layers = Array.from({ length: layerCount }, (_, layer) => layer);
  }

  clear(): void {
    this.#layers = [];
  }
}
