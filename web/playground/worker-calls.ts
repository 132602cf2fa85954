import { proxy } from 'comlink';
import type { Outcome } from '../../worker/protocol/failure.ts';
import { unexpectedFailure, WORKER_MISSING } from '../../worker/unexpected-failure.ts';

/** Calls to one worker. Every answer is an `Outcome`, even if the worker throws or dies. */
export class WorkerCalls {
  readonly #crash: Promise<never>;

  constructor(worker: Worker) {
    this.#crash = new Promise((_, reject) => {
      worker.addEventListener('error', (event) => {
        reject(new Error(event.message || WORKER_MISSING));
      });
    });
    this.#crash.catch(() => undefined); // each call that races it reports it
  }

  async ask<T>(work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    try {
      return await Promise.race([work(), this.#crash]);
    } catch (error) {
      return { ok: false, failure: unexpectedFailure(error) };
    }
  }

  /**
   * Lends the worker a callback for one call. The worker releases its port. Events that arrive after the answer are
   * dropped: they come over a port of their own, and must not look like events of the next call.
   */
  async lend<Event, T>(
    receive: (event: Event) => void,
    work: (onEvent: (event: Event) => void) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    let receiver: ((event: Event) => void) | null = receive;
    const onEvent = proxy((event: Event) => receiver?.(event));
    try {
      return await this.ask(() => work(onEvent));
    } finally {
      receiver = null;
    }
  }
}
