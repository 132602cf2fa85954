import type { Failure, ModelFacts } from '../../worker/protocol.ts';

/** What the engine is doing, as far as the page knows. */
export type Phase =
  | { readonly at: 'idle' }
  | {
      readonly at: 'loading';
      readonly modelId: string;
      readonly files: ReadonlyMap<string, FileProgress>;
      /** Generate was pressed; it begins as soon as the model is there. */
      readonly queued: boolean;
    }
  | { readonly at: 'ready'; readonly model: ModelFacts }
  | { readonly at: 'generating'; readonly model: ModelFacts }
  | { readonly at: 'failed'; readonly failure: Failure };

export interface FileProgress {
  readonly loadedBytes: number;
  /** 0 where the server does not say. */
  readonly totalBytes: number;
}

/** Bytes of all files together; a total of 0 where it is not known. */
export function totalProgress(files: ReadonlyMap<string, FileProgress>): FileProgress {
  let loadedBytes = 0;
  let totalBytes = 0;
  let known = true;
  for (const file of files.values()) {
    loadedBytes += file.loadedBytes;
    totalBytes += file.totalBytes;
    known &&= file.totalBytes > 0;
  }
  return { loadedBytes, totalBytes: known ? totalBytes : 0 };
}
