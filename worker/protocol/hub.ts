/** Everything that crosses between the page and the worker that downloads. Types only, plain data only. */
import type { ElementType } from '../../gpu/numbers/element-type.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import type { Outcome } from './failure.ts';
import type { HubModel, SharingConfig } from './load.ts';

export interface HubApi {
  /**
   * What a model consists of. Asks the server for its list, for its config.json, and for no other file except the index
   * of the weights.
   */
  look(model: HubModel): Promise<Outcome<Looked>>;
  /** Stores and verifies a model. If all of it is stored, it makes no request. One at a time. */
  download(model: HubModel, onEvent: OnHubEvent): Promise<Outcome<StoredModel>>;
  /** Stores what the revision stands for now, next to a stored older commit. Also one at a time. */
  renew(model: HubModel, onEvent: OnHubEvent): Promise<Outcome<StoredModel>>;
  /**
   * Whether the revision stands for another commit than the stored one; null if not, or if it names a commit itself.
   * Asks the server once.
   */
  newer(model: HubModel): Promise<Outcome<Newer | null>>;
  /** Stops the download within one chunk. What has arrived stays. */
  pause(): void;
  resume(): void;
  /** Ends the download, and what the server is being asked. The next download continues after the stored records. */
  cancel(): void;
  /** Every model on this device, complete or not. */
  stored(): Promise<Outcome<readonly StoredModel[]>>;
  /** How many stored models are in a form that this version does not know. They are not among {@link stored}. */
  unreadable(): Promise<Outcome<number>>;
  /** Deletes those, for good. */
  removeUnreadable(): Promise<Outcome<void>>;
  /** Reads a stored model, compares its digests, and fetches what is damaged, once. */
  check(model: HubModel, onEvent: OnHubEvent): Promise<Outcome<StoredModel>>;
  remove(key: StoredKey): Promise<Outcome<void>>;
}

/** What distinguishes stored models. */
export interface StoredKey {
  readonly endpoint: string;
  /** `owner/name`, as the server writes it. */
  readonly repository: string;
  readonly commit: string;
}

/** What a download would bring. */
export interface Preview extends StoredKey {
  readonly files: number;
  readonly totalBytes: number;
  /** How much of it is stored already. */
  readonly storedBytes: number;
}

/** How a model was healed on this device, as far as the page offers it and compares it. */
export interface HealedModel {
  /** The id of the model that was healed. */
  readonly model: string;
  readonly layerTypes: string;
  readonly slidingWindow: number;
  /** Steps done. */
  readonly steps: number;
  /** Held-out bits per byte after the last step; null if they were not measured. */
  readonly bitsPerByte: number | null;
  /** Whether they were measured on the sample that ships, as those of the family were. */
  readonly onSample: boolean;
}

/** A preview with what the model will need. */
export interface Looked extends Preview {
  readonly config: LookedConfig;
  /** How many more bytes the browser will store; null if it does not say. */
  readonly roomBytes: number | null;
}

/** What a config.json says, checked. */
export interface LookedConfig {
  readonly dims: ModelDims;
  readonly stored: SharingConfig;
  /** The type of the weights, by the size of their files. `bf16` stands for any 16 bits. */
  readonly storedAs: ElementType;
}

/** A branch or tag that has moved. */
export interface Newer {
  readonly revision: string;
  readonly storedCommit: string;
  readonly commit: string;
}

/** Quantized weights that were kept when the model was first loaded in that precision. */
export interface StoredCopy {
  readonly name: string;
  readonly sizeBytes: number;
}

export interface StoredModel extends Preview {
  readonly copies: readonly StoredCopy[];
  /** Null for a download. */
  readonly healed: HealedModel | null;
  /** The branch, tag or commit that was asked for. */
  readonly revision: string;
  /** A newer commit of the revision is stored, so the revision no longer loads this one. */
  readonly superseded: boolean;
  /** When its last file was stored; null if it is not complete. */
  readonly storedAtMs: number | null;
  readonly verified:
    /** All digests are the server's, and were right at the last check. */
    | { readonly state: 'sound'; readonly atMs: number; readonly repairedBytes: number }
    | { readonly state: 'damaged'; readonly file: string }
    | { readonly state: 'incomplete' };
}

export type OnHubEvent = (event: HubEvent) => void;

export type HubEvent =
  /** `loadedBytes` counts what was stored before. */
  | { readonly type: 'progress'; readonly loadedBytes: number; readonly totalBytes: number }
  /** The server could not be reached, or wants us to wait. */
  | { readonly type: 'waiting'; readonly reason: string; readonly forMs: number }
  /** Another tab downloads the same model and reports its progress. */
  | { readonly type: 'following' };
