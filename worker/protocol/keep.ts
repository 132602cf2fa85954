/** Keeping the page's own models for visits without a network. Types only, plain data only. */
import type { Outcome } from './failure.ts';

/** The broadcast channel on which a worker tells every tab that it has kept a file. */
export type KeptChannel = 'kvtab-kept';

export interface KeepApi {
  /** What of the models is kept, in the order of `models`. */
  kept(models: readonly ShippedFiles[]): Promise<Outcome<readonly KeptFiles[]>>;
  /** Keeps what is missing of them, and fetches nothing else. What has been kept stays, whatever ends this. */
  keep(models: readonly ShippedFiles[], onEvent: OnKeepEvent): Promise<Outcome<void>>;
  /** Ends {@link keep} within one chunk. */
  stopKeeping(): void;
}

/** A model that ships with the page. */
export interface ShippedFiles {
  readonly id: string;
  /** Its kernels of LESS, which opening it does not read. */
  readonly kernels: readonly string[];
}

export interface KeptFiles {
  readonly id: string;
  /** Whether everything is kept that opening the model reads. */
  readonly opens: boolean;
  /** Names of the files that are not kept, kernels included. */
  readonly missing: readonly string[];
}

export type OnKeepEvent = (event: KeepEvent) => void;

/** Bytes that have arrived since {@link KeepApi.keep} was called. */
export interface KeepEvent {
  readonly fetchedBytes: number;
}
