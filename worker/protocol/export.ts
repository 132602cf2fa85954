import type { SharingConfig } from './load.ts';

export type RoundTo = 'bf16' | 'f16';

export type ExportTarget =
  | { readonly to: 'zip' }
  /** A new folder within the one that a person chose in the browser. */
  | { readonly to: 'folder'; readonly folder: FileSystemDirectoryHandle }
  /** The path of the new folder on this machine. For the headless runner. */
  | { readonly to: 'path'; readonly path: string };

export interface ExportResult {
  readonly end: 'complete' | 'stopped';
  /** The name of the folder, or of the folder inside the zip. Without an extension. */
  readonly name: string;
  readonly files: readonly string[];
  readonly bytes: number;
  /** The zip, which may lie on disk; null for a folder, and if the export was stopped. */
  readonly zip: Blob | null;
  /** Which other code can read it: Hugging Face transformers, LCKV's own, or none. */
  readonly readBy: 'transformers' | 'lckv' | 'kvtab';
}

export interface ExportRequest {
  /** Differences from the checkpoint's own configuration. */
  readonly config: Partial<SharingConfig>;
  /** The type that 32-bit numbers are rounded to. 16-bit numbers stay as they are. */
  readonly round: RoundTo;
  readonly to: ExportTarget;
}

/** The config.json of the loaded checkpoint under a plan, with its weights as they are. */
export interface PlannedConfig {
  readonly text: string;
  readonly readBy: ExportResult['readBy'];
  /** `model_type` of the checkpoint itself. */
  readonly storedType: string;
}
