import type { BackendFailure } from '../../gpu/backend-error.ts';

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: Failure };

/** Why a server does not hand out a repository. */
export type HubRefusal =
  | 'no-such-repository'
  | 'no-such-revision'
  | 'needs-token'
  | 'token-is-wrong'
  | 'not-allowed'
  /** It answers with a web page instead of data: it, or the network on the way, wants a login. */
  | 'web-page';

/** The file of a failed download if a script of the page did not come. Only a reload helps. */
export type PagePart = 'A part of the page';

/** What can go wrong without a bug. `web/ui/explain.ts` alone turns these into sentences. */
export type Failure =
  | BackendFailure
  | { readonly code: 'bad-layer-types'; readonly at: number; readonly reason: string }
  /** A field of a model's configuration: in its file or, if `file` is null, in the settings of a run. */
  | {
      readonly code: 'bad-config';
      readonly file: string | null;
      readonly field: string;
      readonly reason: string;
    }
  | { readonly code: 'bad-weights'; readonly file: string; readonly reason: string }
  | { readonly code: 'bad-tokenizer'; readonly reason: string }
  | { readonly code: 'bad-template'; readonly reason: string }
  | { readonly code: 'bad-request'; readonly field: string; readonly reason: string }
  | {
      readonly code: 'download-failed';
      readonly file: string;
      readonly status: number;
      readonly reason: string;
      /** How long the server asks to wait, if that is too long to wait for. */
      readonly retryAfterSec?: number;
    }
  /** A file on this machine that could be opened, but can no longer be read. */
  | { readonly code: 'unreadable-file'; readonly file: string; readonly reason: string }
  /** Files were opened, but not those of one model: the folders among them that hold one, none or several. */
  | {
      readonly code: 'not-one-model';
      readonly folders: readonly string[];
      /** The names of all files, if there is no such folder. */
      readonly files: readonly string[];
    }
  | ({ readonly code: 'hub-refused'; readonly why: HubRefusal } & {
      readonly repository: string;
      readonly endpoint: string;
    })
  /** A file does not match its digest, even after it was fetched again. */
  | { readonly code: 'damaged-file'; readonly file: string; readonly reason: string }
  /** The browser does not let the page store so much. */
  | { readonly code: 'no-room'; readonly neededBytes: number; readonly availableBytes: number }
  /** The browser keeps nothing for the page, or another tab is in the way. */
  | { readonly code: 'no-storage'; readonly reason: string }
  /** Was deleted from this device, here or in another tab. */
  | { readonly code: 'not-stored'; readonly model: string }
  /** The browser has deleted the site's data while the page used it, or another tab has. */
  | { readonly code: 'storage-lost' }
  | { readonly code: 'cancelled' }
  | { readonly code: 'export-failed'; readonly file: string; readonly reason: string }
  | { readonly code: 'no-model' }
  /** An evaluation was stopped. Half of one is of no use. */
  | { readonly code: 'stopped' }
  /** A bug in kvtab, caught at the edge of the worker. The page stays usable. */
  | { readonly code: 'internal'; readonly reason: string };
