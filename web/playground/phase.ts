import type { EngineEvent } from '../../worker/protocol/engine.ts';
import type { Failure } from '../../worker/protocol/failure.ts';
import type { ModelFacts } from '../../worker/protocol/load.ts';

/** What the engine is doing. */
export type Phase =
  | { readonly at: 'idle' }
  | {
      readonly at: 'loading';
      readonly modelId: string;
      readonly files: ReadonlyMap<string, FileProgress>;
      /** Memory for the weights, once it is allocated; null before that, and if the engine does not say. */
      readonly room: { readonly weightBytes: number; readonly adapter: ModelFacts['adapter'] } | null;
      /** Generate was pressed; the run starts as soon as the model is loaded. */
      readonly queued: boolean;
    }
  | { readonly at: 'ready'; readonly model: ModelFacts }
  | { readonly at: 'generating'; readonly model: ModelFacts }
  /** A panel has borrowed the engine: `what` it does, and how much of that is done, from 0 to 1. */
  | {
      readonly at: 'evaluating';
      readonly model: ModelFacts;
      readonly what: string;
      readonly fraction: number;
    }
  | { readonly at: 'failed'; readonly failure: Failure };

export interface FileProgress {
  readonly loadedBytes: number;
  /** 0 if the server does not say. */
  readonly totalBytes: number;
}

/** The phase after an event of the worker. */
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

/** Bytes of all files together. The total is 0 if the size of any file is unknown. */
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
