import type { KvLayerUsage, KvUsage } from '../../gpu/kv/usage.ts';

/** The KV figures of several sequences, which need not be there at the same time. */
export class SumOfKv {
  readonly #layers = new Map<number, KvLayerUsage>();
  #bytes = 0;
  #bytesPerToken = 0;
  #allocatedBytes = 0;
  #mostAllocatedBytes = 0;

  /** A sequence has taken its memory. */
  opened({ allocatedBytes, bytesPerToken }: KvUsage): void {
    this.#bytesPerToken = bytesPerToken;
    this.#allocatedBytes += allocatedBytes;
    this.#mostAllocatedBytes = Math.max(this.#mostAllocatedBytes, this.#allocatedBytes);
  }

  /** A sequence holds this, and gives its memory back. */
  ended({ bytes, allocatedBytes, layers }: KvUsage): void {
    this.#bytes += bytes;
    this.#allocatedBytes -= allocatedBytes;
    for (const added of layers) {
      const { rows = 0, bytes: sum = 0, stateBytes = 0 } = this.#layers.get(added.layer) ?? {};
      this.#layers.set(added.layer, {
        layer: added.layer,
        rows: rows + added.rows,
        bytes: sum + added.bytes,
        stateBytes: stateBytes + added.stateBytes,
      });
    }
  }

  /** The sums if these, too, were ended. */
  usageWith(live: readonly KvUsage[]): KvUsage {
    const sum = new SumOfKv();
    for (const layer of this.#layers.values()) sum.#layers.set(layer.layer, layer);
    sum.#bytes = this.#bytes;
    sum.#bytesPerToken = this.#bytesPerToken;
    sum.#mostAllocatedBytes = this.#mostAllocatedBytes;
    for (const each of live) sum.ended(each);
    return sum.usage();
  }

  usage(): KvUsage {
    return {
      bytes: this.#bytes,
      allocatedBytes: this.#mostAllocatedBytes,
      bytesPerToken: this.#bytesPerToken,
      layers: [...this.#layers.values()],
    };
  }
}
