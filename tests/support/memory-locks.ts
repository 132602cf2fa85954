/** The part of Web Locks that kvtab uses, for Node, which has none: exclusive locks in order of request. */
type Granted = { readonly name: string; readonly mode: LockMode } | null;

export class MemoryLocks {
  readonly #held = new Map<string, Promise<unknown>>();

  query(): Promise<LockManagerSnapshot> {
    return Promise.resolve({ held: [...this.#held.keys()].map((name) => ({ name })), pending: [] });
  }

  async request<T>(
    name: string,
    options: { readonly ifAvailable?: boolean; readonly signal?: AbortSignal },
    work: (lock: Granted) => T | Promise<T>,
  ): Promise<T> {
    const before = this.#held.get(name);
    if (options.ifAvailable && before) return work(null);
    let release: () => void = () => undefined;
    const mine = new Promise<void>((resolve) => (release = resolve));
    const tail = Promise.all([before, mine]);
    this.#held.set(name, tail);
    const forget = () => {
      if (this.#held.get(name) === tail) this.#held.delete(name);
    };
    let granted = false;
    try {
      await Promise.race([before, aborted(options.signal)]);
      granted = true;
      return await work({ name, mode: 'exclusive' });
    } finally {
      release();
      // Whoever gave up waiting leaves the lock with its holder.
      if (granted) forget();
      else void tail.then(forget);
    }
  }
}

/** Never resolves; rejects when the signal aborts. */
const aborted = (signal: AbortSignal | undefined) =>
  new Promise<never>((_, reject) => {
    const abort = () => {
      reject(new DOMException('', 'AbortError'));
    };
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
  });
