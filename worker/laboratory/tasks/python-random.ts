const SIZE = 624;

/**
 * Python's `random.Random(seed)`: the Mersenne Twister MT19937, seeded by an array of one 32-bit word. The harness's
 * bootstrap draws with it, so its standard errors can be repeated exactly.
 */
export class PythonRandom {
  readonly #state = new Uint32Array(SIZE);
  #next = SIZE;

  /** @param seed below 2^32 */
  constructor(seed: number) {
    const state = this.#state;
    state[0] = 19650218;
    for (let i = 1; i < SIZE; i++) state[i] = Math.imul(1812433253, mixed(state[i - 1])) + i;
    let i = 1;
    for (let k = 0; k < SIZE; k++) {
      state[i] = ((state[i] ?? 0) ^ Math.imul(mixed(state[i - 1]), 1664525)) + seed;
      if (++i >= SIZE) i = this.#wrap();
    }
    for (let k = 0; k < SIZE - 1; k++) {
      state[i] = ((state[i] ?? 0) ^ Math.imul(mixed(state[i - 1]), 1566083941)) - i;
      if (++i >= SIZE) i = this.#wrap();
    }
    state[0] = 0x80000000;
  }

  /** `random()`: 53 random bits, at least 0 and below 1. */
  random(): number {
    const high = this.#word() >>> 5;
    const low = this.#word() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** `choices(range(count), k=count)` */
  choices(count: number): Uint32Array {
    return Uint32Array.from({ length: count }, () => Math.floor(this.random() * count));
  }

  #wrap(): number {
    this.#state[0] = this.#state[SIZE - 1] ?? 0;
    return 1;
  }

  #word(): number {
    if (this.#next >= SIZE) this.#twist();
    let y = this.#state[this.#next++] ?? 0;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < SIZE; i++) {
      const y = ((state[i] ?? 0) & 0x80000000) | ((state[(i + 1) % SIZE] ?? 0) & 0x7fffffff);
      state[i] = (state[(i + 397) % SIZE] ?? 0) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }
}

const mixed = (word = 0) => word ^ (word >>> 30);
