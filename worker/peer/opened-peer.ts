import { promptTurns, tokensOf } from '../engine/check-request.ts';
import type { ModelSource } from '../loader/model-source.ts';
import type { ModelRef } from '../protocol/load.ts';
import type {
  OnPeerEvent,
  PeerFacts,
  PeerFile,
  PeerMemory,
  PeerRequest,
  PeerStep,
} from '../protocol/peer.ts';
import type { GuardedText, TextPlace } from '../text/guarded-text.ts';
import type { Continue } from './continued.ts';
import type { CheckpointOptions } from './model-files.ts';
import type { Transformers, TransformersOptions } from './transformers-js.ts';
import type { WllamaOptions, WllamaPlace } from './wllama.ts';

/** What a desk needs of the thread that it works on. */
export interface PeerSurroundings {
  openSource(model: ModelRef): Promise<ModelSource>;
  openTextPlace(): TextPlace;
  /** Whether the adapter computes with 16-bit numbers; null if there is no adapter. */
  halves(): Promise<boolean | null>;
  /** The bytes of an engine's WebAssembly. Throws {@link MissingFile}. */
  loadWasm(file: PeerFile, onProgress: (loadedBytes: number) => void): Promise<Uint8Array>;
  /** Throws {@link MissingFile}. */
  loadTransformers(options: TransformersOptions): Promise<Transformers>;
  /** What of the browser wllama misses; null for nothing. */
  lacksForWllama(): string | null;
  /** Throws {@link MissingFile}. */
  loadWllama(options: WllamaOptions): Promise<WllamaPlace>;
  /** Of this thread. */
  memory(): PeerMemory;
}

/** How an engine is opened, and what is said meanwhile. It chooses its number of threads itself. */
export interface Opener extends PeerSurroundings {
  readonly begin: (step: PeerStep) => void;
  readonly emit: OnPeerEvent;
}

/** A model that is open in another engine. */
export interface OpenedPeer {
  readonly facts: PeerFacts;
  readonly write: Continue;
  readonly text: GuardedText | null;
  readonly memory: () => PeerMemory | Promise<PeerMemory>;
}

export async function loadWasm({ files }: PeerRequest, opener: Opener): Promise<Uint8Array> {
  const totalBytes = files.wasm.bytes;
  return opener.loadWasm(files.wasm, (loadedBytes) => {
    opener.emit({ type: 'engine', loadedBytes, totalBytes });
  });
}

/** How a request's checkpoint is read, and its prompt, which is known once the checkpoint is. */
export async function readingOf(
  { model, weights, quantizeEmbeddings, config, input, newTokens }: PeerRequest,
  opener: Opener,
): Promise<{ readonly options: CheckpointOptions; readonly prompt: () => readonly number[] }> {
  let prompt: readonly number[] = [];
  const source = await opener.openSource(model);
  return {
    prompt: () => prompt,
    options: {
      ...{ source, weights, quantizeEmbeddings, config },
      openTextPlace: () => opener.openTextPlace(),
      positions: async (text, dims) => {
        prompt = tokensOf(await promptTurns(input, text, dims));
        return prompt.length + newTokens;
      },
      emit: (event) => {
        if (event.type !== 'download') return;
        opener.emit({ type: 'model', loadedBytes: event.loadedBytes, totalBytes: event.totalBytes });
      },
    },
  };
}
