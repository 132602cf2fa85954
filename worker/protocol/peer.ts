/**
 * Everything that crosses between the page and the worker that runs a model on somebody else's engine, to compare kvtab
 * with. Types only, plain data only.
 */
import type { Failure } from './failure.ts';
import type { Prompt } from './generate.ts';
import type { LoadRequest, SharingConfig } from './load.ts';

export interface PeerApi {
  /** Loads the engine, builds the graph of a model, and writes once to warm up. A worker opens one model. */
  open(request: PeerRequest, onEvent: OnPeerEvent): Promise<PeerOutcome<PeerFacts>>;
  /** Continues the prompt once more, greedily. */
  write(onEvent: OnPeerEvent): Promise<PeerOutcome<PeerRun>>;
}

/** Somebody else's engine that runs in this page. */
export type PeerEngine = 'transformers.js' | 'wllama';

export type OnPeerEvent = (event: PeerEvent) => void;

export type PeerOutcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: PeerFailure };

/** What the worker was doing. */
export type PeerStep = 'engine' | 'model' | 'graph' | 'warm-up' | 'run';

export type PeerFailure =
  /** The model cannot be read. */
  | { readonly code: 'model'; readonly failure: Failure }
  /** Its weights do not fit into one file for the engine. */
  | { readonly code: 'too-large'; readonly bytes: number; readonly mostBytes: number }
  /** The engine's file cannot say something of the model. */
  | { readonly code: 'not-writable'; readonly reason: string }
  /** The browser lacks something that the engine needs. */
  | { readonly code: 'unsupported'; readonly what: string }
  /** A number that the wanted format cannot hold. */
  | { readonly code: 'not-quantizable'; readonly reason: string }
  /** There is no WebGPU here, or no adapter. */
  | { readonly code: 'no-adapter' }
  /** A file of the engine could not be loaded, or is another one. */
  | { readonly code: 'missing-file'; readonly file: string; readonly reason: string }
  | { readonly code: 'out-of-memory'; readonly step: PeerStep; readonly reason: string }
  /** The engine threw. */
  | { readonly code: 'failed'; readonly step: PeerStep; readonly reason: string }
  /** The worker itself could not start, or died. */
  | { readonly code: 'broken'; readonly reason: string }
  /** It did not answer for too long, so it was ended. */
  | { readonly code: 'silent'; readonly seconds: number }
  | { readonly code: 'stopped' };

export type PeerEvent =
  /** Bytes of the engine's own files. */
  | { readonly type: 'engine'; readonly loadedBytes: number; readonly totalBytes: number }
  | { readonly type: 'model'; readonly loadedBytes: number; readonly totalBytes: number }
  | { readonly type: 'step'; readonly step: PeerStep }
  /** So many new tokens of this run. */
  | { readonly type: 'tokens'; readonly count: number };

/** A file of the engine, of this page's own origin. */
export interface PeerFile {
  readonly url: string;
  readonly bytes: number;
  /** If there are several, they lie at the address with `.part1`, `.part2`, … behind it. */
  readonly parts: number;
}

export type PeerFiles = TransformersFiles | WllamaFiles;

/** transformers.js, and the ONNX Runtime that it computes with. */
export interface TransformersFiles {
  readonly engine: 'transformers.js';
  readonly script: PeerFile;
  readonly loader: PeerFile;
  readonly wasm: PeerFile;
}

/** wllama, and llama.cpp in WebAssembly. */
export interface WllamaFiles {
  readonly engine: 'wllama';
  readonly version: string;
  readonly script: PeerFile;
  readonly wasm: PeerFile;
}

export interface PeerRequest extends LoadRequest {
  readonly files: PeerFiles;
  /** The plan: differences from the checkpoint's own configuration. */
  readonly config: Partial<SharingConfig>;
  readonly input: Prompt;
  readonly newTokens: number;
}

export interface PeerFacts {
  /** Its name and versions, in words. */
  readonly program: string;
  readonly device: 'webgpu' | 'wasm';
  /** Which build: the name of its WebAssembly file. */
  readonly build: string;
  readonly threads: number;
  /** What it multiplies; `i8` for whole numbers of 8 bits, to which it rounds what a matrix is multiplied with. */
  readonly numbers: 'f32' | 'f16' | 'bf16' | 'i8';
  readonly matrices: 'f32' | 'f16' | 'bf16' | 'q8' | 'q4';
  /** The prompt, as both engines read it. */
  readonly promptTokens: readonly number[];
}

export interface PeerRun {
  readonly tokens: readonly number[];
  /** What each token adds to the text; null without a tokenizer. */
  readonly pieces: readonly string[] | null;
  /** null without a tokenizer. */
  readonly text: string | null;
  /** From the call to the first new token. */
  readonly prefillMs: number;
  /** From the first new token to the last; 0 if fewer than two tokens were written. */
  readonly decodeTokensPerSec: number;
  /** Of the tensors that it keeps from token to token, at the end. */
  readonly kvBytes: number;
  readonly memory: PeerMemory;
}

/** What could be seen of the engine's memory from outside; null where nothing could. */
export interface PeerMemory {
  /** The WebAssembly memory. It never shrinks. */
  readonly heapBytes: number | null;
  /** Buffers that it created on the GPU and has not destroyed. */
  readonly gpuBytes: number | null;
}
