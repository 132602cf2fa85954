import type { Looked, StoredModel } from '../../../worker/protocol/hub.ts';
import type { Failure } from '../../../worker/protocol/failure.ts';

/** What the page knows of the download between this device and a server. */
export type Download =
  | { readonly at: 'nothing' }
  /** The page asks the server what there is. */
  | { readonly at: 'asking'; readonly id: string }
  | { readonly at: 'found'; readonly id: string; readonly looked: Looked }
  | Running
  | { readonly at: 'checked'; readonly id: string; readonly repairedBytes: number }
  | { readonly at: 'stored'; readonly id: string; readonly model: StoredModel }
  | { readonly at: 'streaming'; readonly id: string }
  | {
      readonly at: 'failed';
      readonly id: string;
      readonly failure: Failure;
      /** What did not come to its end. Only a load leaves something that could be continued. */
      readonly during: 'look' | 'load' | 'check';
    };

export interface Running {
  readonly at: 'downloading' | 'checking';
  readonly id: string;
  readonly loadedBytes: number;
  /** 0 until it is known. */
  readonly totalBytes: number;
  readonly bytesPerSec: number | null;
  readonly paused: boolean;
  /** Another tab downloads the model. */
  readonly following: boolean;
  /** Why the next try has to wait, and how long. */
  readonly waiting: { readonly reason: string; readonly forMs: number } | null;
}
