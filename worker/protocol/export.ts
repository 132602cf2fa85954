import type { SharingConfig } from './load.ts';

export type RoundTo = 'bf16' | 'f16';

export type ExportTarget =
  | { readonly to: 'zip' }
  /** A new folder within the one that a person chose in the browser. */
  | { readonly to: 'folder'; readonly folder: FileSystemDirectoryHandle }
  /** A path of this machine's, that of the new folder: for the headless runner. */
  | { readonly to: 'path'; readonly path: string };

export interface ExportResult {
  readonly end: 'complete' | 'stopped';
  /** What was written, without an ending: the name of the folder, and of the folder within the zip. */
  readonly name: string;
  readonly files: readonly string[];
  readonly bytes: number;
  /** The zip, which may lie on disk; null for a folder, and after a stop. */
  readonly zip: Blob | null;
  /** Whose code can read it besides this: Hugging Face transformers, LCKV's own, or nobody's. */
  readonly readBy: 'transformers' | 'lckv' | 'kvtab';
}

export interface ExportRequest {
  /** Differences from the checkpoint's own configuration. */
  readonly config: Partial<SharingConfig>;
  /** What numbers of 32 bits become; those of 16 stay as they are. */
  readonly round: RoundTo;
  readonly to: ExportTarget;
}
