import { wrap, type Remote } from 'comlink';
import type { Outcome } from '../../../worker/protocol/failure.ts';
import type {
  HealApi,
  HealEvent,
  HealRequest,
  HealResult,
  KeptHealing,
  StoredHealed,
} from '../../../worker/protocol/heal.ts';
import { WorkerCalls } from '../../playground/worker-calls.ts';

type Receive = (event: HealEvent) => void;

interface Started {
  readonly worker: Worker;
  readonly remote: Remote<HealApi>;
  readonly calls: WorkerCalls;
}

/** The page's client of the worker that heals, which starts with the first call and ends with `close`. */
export class HealClient {
  #started: Started | null = null;

  heal(request: HealRequest, receive: Receive): Promise<Outcome<HealResult>> {
    const { calls, remote } = this.#start();
    return calls.lend(receive, (onEvent) => remote.heal(request, onEvent));
  }

  continue(receive: Receive): Promise<Outcome<HealResult>> {
    const { calls, remote } = this.#start();
    return calls.lend(receive, (onEvent) => remote.continue(onEvent));
  }

  kept(): Promise<Outcome<KeptHealing | null>> {
    const { calls, remote } = this.#start();
    return calls.ask(() => remote.kept());
  }

  store(engine: string): Promise<Outcome<StoredHealed>> {
    const { calls, remote } = this.#start();
    return calls.ask(() => remote.store(engine));
  }

  drop(): Promise<Outcome<void>> {
    const { calls, remote } = this.#start();
    return calls.ask(() => remote.drop());
  }

  pause(): void {
    this.#tell((remote) => remote.pause());
  }

  resume(): void {
    this.#tell((remote) => remote.resume());
  }

  stop(): void {
    this.#tell((remote) => remote.stop());
  }

  /** Ends the worker: only that gives its memory back. */
  close(): void {
    this.#started?.worker.terminate();
    this.#started = null;
  }

  #tell(work: (remote: Remote<HealApi>) => Promise<void>): void {
    if (this.#started) work(this.#started.remote).catch(() => undefined); // a dead worker has stopped
  }

  #start(): Started {
    if (this.#started) return this.#started;
    const worker = new Worker(new URL('../../../worker/heal/main.ts', import.meta.url), { type: 'module' });
    return (this.#started = { worker, remote: wrap<HealApi>(worker), calls: new WorkerCalls(worker) });
  }
}
