/** Everything that crosses between the page and the worker that downloads. Types only, plain data only. */
import type { Outcome } from './failure.ts';
import type { HubModel } from './load.ts';

export interface HubApi {
  /** What a model consists of. Asks the server for its list, and for no file but the index of the weights. */
  look(model: HubModel): Promise<Outcome<Preview>>;
  /** Stores a model and verifies it. Where all of it is stored, nobody is asked. One at a time. */
  download(model: HubModel, onEvent: OnHubEvent): Promise<Outcome<StoredModel>>;
  /** Stores what the revision stands for now, beside an older commit of it that is stored. One at a time, too. */
  renew(model: HubModel, onEvent: OnHubEvent): Promise<Outcome<StoredModel>>;
  /**
   * Where the revision stands for another commit than the one that is stored under it; null where it does not, or
   * names a commit itself. Asks the server once, for that and no more.
   */
  newer(model: HubModel): Promise<Outcome<Newer | null>>;
  /** Holds the download up within a chunk; what has arrived stays. */
  pause(): void;
  resume(): void;
  /** Ends the download; the records that are stored stay, and the next one begins after them. */
  cancel(): void;
  /** Everything on this device, whole or not. */
  stored(): Promise<Outcome<readonly StoredModel[]>>;
  /** Reads a stored model again and compares its digests; fetches what is bad, once. */
  check(model: HubModel, onEvent: OnHubEvent): Promise<Outcome<StoredModel>>;
  remove(key: StoredKey): Promise<Outcome<void>>;
}

/** What tells stored models apart. */
export interface StoredKey {
  readonly endpoint: string;
  /** `owner/name`. */
  readonly repository: string;
  readonly commit: string;
}

/** What would have to be downloaded. */
export interface Preview extends StoredKey {
  readonly files: number;
  readonly totalBytes: number;
  /** How much of it is stored already. */
  readonly storedBytes: number;
}

/** A branch that has moved on, or a tag that was moved. */
export interface Newer {
  readonly revision: string;
  readonly storedCommit: string;
  readonly commit: string;
}

/** Quantized weights that were kept when the model was loaded so. */
export interface StoredCopy {
  readonly name: string;
  readonly sizeBytes: number;
}

export interface StoredModel extends Preview {
  readonly copies: readonly StoredCopy[];
  /** The branch, tag or commit that was asked for. */
  readonly revision: string;
  /** The revision does not load this commit any more: a newer one was stored. */
  readonly superseded: boolean;
  /** When its last file was stored; null while it is not whole. */
  readonly storedAtMs: number | null;
  readonly verified:
    /** All digests are the server's own, or were the same again. */
    | { readonly state: 'sound'; readonly atMs: number; readonly repairedBytes: number }
    | { readonly state: 'damaged'; readonly file: string }
    | { readonly state: 'incomplete' };
}

export type OnHubEvent = (event: HubEvent) => void;

export type HubEvent =
  /** `loadedBytes` counts what was stored before. */
  | { readonly type: 'progress'; readonly loadedBytes: number; readonly totalBytes: number }
  /** The server could not be asked, or wants us to wait. */
  | { readonly type: 'waiting'; readonly reason: string; readonly forMs: number }
  /** Another tab downloads the same model; its progress is passed on. */
  | { readonly type: 'following' };
