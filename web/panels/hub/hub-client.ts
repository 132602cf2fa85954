import { wrap, type Remote } from 'comlink';
import type {
  HubApi,
  HubEvent,
  Looked,
  Newer,
  StoredKey,
  StoredModel,
} from '../../../worker/protocol/hub.ts';
import type { Outcome } from '../../../worker/protocol/failure.ts';
import type { KeepApi, KeptFiles, OnKeepEvent, ShippedFiles } from '../../../worker/protocol/keep.ts';
import type { HubModel } from '../../../worker/protocol/load.ts';
import { WorkerCalls } from '../../playground/worker-calls.ts';

type Receive = (event: HubEvent) => void;

/** The page's end of the worker that downloads. It is not the worker that computes, so downloads do not slow runs. */
export class HubClient {
  readonly #hub: Remote<HubApi & KeepApi>;
  readonly #calls: WorkerCalls;

  constructor(worker: Worker) {
    this.#hub = wrap<HubApi & KeepApi>(worker);
    this.#calls = new WorkerCalls(worker);
  }

  look(model: HubModel): Promise<Outcome<Looked>> {
    return this.#calls.ask(() => this.#hub.look(model));
  }

  download(model: HubModel, receive: Receive): Promise<Outcome<StoredModel>> {
    return this.#calls.lend(receive, (onEvent) => this.#hub.download(model, onEvent));
  }

  renew(model: HubModel, receive: Receive): Promise<Outcome<StoredModel>> {
    return this.#calls.lend(receive, (onEvent) => this.#hub.renew(model, onEvent));
  }

  newer(model: HubModel): Promise<Outcome<Newer | null>> {
    return this.#calls.ask(() => this.#hub.newer(model));
  }

  check(model: HubModel, receive: Receive): Promise<Outcome<StoredModel>> {
    return this.#calls.lend(receive, (onEvent) => this.#hub.check(model, onEvent));
  }

  stored(): Promise<Outcome<readonly StoredModel[]>> {
    return this.#calls.ask(() => this.#hub.stored());
  }

  unreadable(): Promise<Outcome<number>> {
    return this.#calls.ask(() => this.#hub.unreadable());
  }

  removeUnreadable(): Promise<Outcome<void>> {
    return this.#calls.ask(() => this.#hub.removeUnreadable());
  }

  remove(key: StoredKey): Promise<Outcome<void>> {
    return this.#calls.ask(() => this.#hub.remove(key));
  }

  kept(models: readonly ShippedFiles[]): Promise<Outcome<readonly KeptFiles[]>> {
    return this.#calls.ask(() => this.#hub.kept(models));
  }

  keep(models: readonly ShippedFiles[], receive: OnKeepEvent): Promise<Outcome<void>> {
    return this.#calls.lend(receive, (onEvent) => this.#hub.keep(models, onEvent));
  }

  stopKeeping(): void {
    this.#hub.stopKeeping().catch(() => undefined);
  }

  pause(): void {
    this.#hub.pause().catch(() => undefined); // a dead worker downloads nothing
  }

  resume(): void {
    this.#hub.resume().catch(() => undefined);
  }

  cancel(): void {
    this.#hub.cancel().catch(() => undefined);
  }
}
