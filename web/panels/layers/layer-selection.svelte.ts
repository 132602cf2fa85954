/** Which layers of the picture are selected, and which one the keyboard is at. */
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

  /** This layer alone. */
  only(layer: number): void {
    this.#active = this.#anchor = layer;
    this.#layers = [layer];
  }

  /** This layer too, or no longer. */
  toggle(layer: number): void {
    this.#active = this.#anchor = layer;
    const others = this.#layers.filter((other) => other !== layer);
    this.#layers = others.length < this.#layers.length ? others : [...others, layer].sort((a, b) => a - b);
  }

  /** All from where the selection began to this layer. */
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
