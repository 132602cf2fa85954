import type { EngineEvent } from '../../worker/protocol/engine.ts';
import type { Failure } from '../../worker/protocol/failure.ts';
import type { ModelFacts } from '../../worker/protocol/load.ts';

/** What the engine is doing, as far as the page knows. */
export type Phase =
  | { readonly at: 'idle' }
  | {
      readonly at: 'loading';
      readonly modelId: string;
      readonly files: ReadonlyMap<string, FileProgress>;
      /** What the weights take, once there is room for them; null before, and where it is not known before the end. */
      readonly room: { readonly weightBytes: number; readonly adapter: ModelFacts['adapter'] } | null;
      /** Generate was pressed; it begins as soon as the model is there. */
      readonly queued: boolean;
    }
  | { readonly at: 'ready'; readonly model: ModelFacts }
  | { readonly at: 'generating'; readonly model: ModelFacts }
  /** Something is measured besides a run; `what` says it, and `share` how far it has come. */
  | { readonly at: 'measuring'; readonly model: ModelFacts; readonly what: string; readonly share: number }
  | { readonly at: 'failed'; readonly failure: Failure };

export interface FileProgress {
  readonly loadedBytes: number;
  /** 0 where the server does not say. */
  readonly totalBytes: number;
}

/** A load as an event of the worker leaves it. */
export function loadingAfter(phase: Phase, event: EngineEvent): Phase {
  if (phase.at !== 'loading') return phase;
  switch (event.type) {
    case 'room':
      return event.weightBytes > 0 ? { ...phase, room: event } : phase;
    case 'download': {
      const { file, loadedBytes, totalBytes } = event;
      return { ...phase, files: new Map(phase.files).set(file, { loadedBytes, totalBytes }) };
    }
    default:
      return phase;
  }
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
