import { releaseProxy, type ProxyMethods } from 'comlink';

/**
 * How long the end of a call waits for a page that does not answer. A busy page takes seconds, and what it has not received
 * by then is lost: the results of an experiment, say.
 */
const LONGEST_WAIT_MS = 60_000;

/** The events of one call: sent without waiting, on a callback that may belong to another thread. */
export class EventPort<Event> {
  /** A Comlink proxy returns a promise, whatever its type says. */
  readonly #onEvent: (event: Event) => unknown;
  #last: Promise<unknown> = Promise.resolve();

  constructor(onEvent: (event: Event) => void) {
    this.#onEvent = onEvent;
  }

  readonly emit = (event: Event): void => {
    // A page that fails on an event is not our failure.
    this.#last = new Promise((resolve) => {
      resolve(this.#onEvent(event));
    }).catch(() => undefined);
  };

  /** Resolves when the last event has arrived, so that the call answers after it, and releases the port. */
  async close(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise((resolve) => (timer = setTimeout(resolve, LONGEST_WAIT_MS)));
    await Promise.race([this.#last, patience]);
    clearTimeout(timer);
    // Only a callback from another thread has a port to release.
    (this.#onEvent as Partial<ProxyMethods>)[releaseProxy]?.();
  }
}

/** Does the work of a call that tells events, and releases the page's callback once the call has ended. */
export async function telling<Event, T>(
  onEvent: (event: Event) => void,
  work: (emit: (event: Event) => void) => Promise<T>,
): Promise<T> {
  const port = new EventPort<Event>(onEvent);
  try {
    return await work(port.emit);
  } finally {
    await port.close();
  }
}
