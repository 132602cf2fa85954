import { wrap } from 'comlink';
import type { Failure } from '../../../worker/protocol/failure.ts';
import type {
  OnPeerEvent,
  PeerApi,
  PeerFacts,
  PeerOutcome,
  PeerRequest,
  PeerRun,
} from '../../../worker/protocol/peer.ts';
import { WorkerCalls } from '../../playground/worker-calls.ts';

/** How long a worker may be silent: a large graph is prepared in one go, without a sign of life. */
const PATIENCE_MS = 180_000;

/** What a comparison needs of a peer. */
export interface Peer {
  open(request: PeerRequest, receive: OnPeerEvent): Promise<PeerOutcome<PeerFacts>>;
  write(receive: OnPeerEvent): Promise<PeerOutcome<PeerRun>>;
  /** Ends it at once, and with it a call that is not answered yet. Only that gives its memory back. */
  close(): void;
}

/** The client of one worker, which is ended if it is silent for too long. A worker opens one model. */
export class PeerClient implements Peer {
  readonly #worker: Worker;
  readonly #api: Pick<PeerApi, 'open' | 'write'>;
  readonly #calls: WorkerCalls;
  readonly #patienceMs: number;
  readonly #ended: Promise<PeerOutcome<never>>;
  #end: (outcome: PeerOutcome<never>) => void = () => undefined;

  constructor(worker = startWorker(), patienceMs = PATIENCE_MS) {
    this.#worker = worker;
    this.#api = wrap<PeerApi>(worker);
    this.#calls = new WorkerCalls(worker);
    this.#patienceMs = patienceMs;
    this.#ended = new Promise((resolve) => (this.#end = resolve));
  }

  open(request: PeerRequest, receive: OnPeerEvent): Promise<PeerOutcome<PeerFacts>> {
    return this.#watched(receive, (onEvent) => this.#api.open(request, onEvent));
  }

  write(receive: OnPeerEvent): Promise<PeerOutcome<PeerRun>> {
    return this.#watched(receive, (onEvent) => this.#api.write(onEvent));
  }

  close(): void {
    this.#giveUp({ ok: false, failure: { code: 'stopped' } });
  }

  #giveUp(outcome: PeerOutcome<never>): void {
    this.#worker.terminate();
    this.#end(outcome);
  }

  async #watched<T>(
    receive: OnPeerEvent,
    work: (onEvent: OnPeerEvent) => Promise<PeerOutcome<T>>,
  ): Promise<PeerOutcome<T>> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const seconds = Math.round(this.#patienceMs / 1000);
    const listen = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        this.#giveUp({ ok: false, failure: { code: 'silent', seconds } });
      }, this.#patienceMs);
    };
    listen();
    const hear: OnPeerEvent = (event) => {
      listen();
      receive(event);
    };
    try {
      const asked = this.#calls.lend(hear, async (onEvent) => ({ ok: true, value: await work(onEvent) }));
      // The worker itself answers with failures: what WorkerCalls reports is a worker that broke.
      const answered = asked.then((outcome): PeerOutcome<T> =>
        outcome.ok ? outcome.value : broken(outcome.failure),
      );
      return await Promise.race([answered, this.#ended]);
    } finally {
      clearTimeout(timer);
    }
  }
}

const broken = (failure: Failure): PeerOutcome<never> => ({
  ok: false,
  failure: { code: 'broken', reason: 'reason' in failure ? failure.reason : failure.code },
});

const startWorker = () =>
  new Worker(new URL('../../../worker/peer/main.ts', import.meta.url), { type: 'module' });
