import { isQuantized } from '../../gpu/numbers/matrix-format.ts';
import { NotQuantizable } from '../../gpu/numbers/quantize.ts';
import { promptTurns, tokensOf } from '../engine/check-request.ts';
import type { ModelSource } from '../loader/model-source.ts';
import { Refused } from '../outcome.ts';
import type { ModelRef } from '../protocol/load.ts';
import type {
  OnPeerEvent,
  PeerFacts,
  PeerFailure,
  PeerFiles,
  PeerMemory,
  PeerOutcome,
  PeerRequest,
  PeerRun,
  PeerStep,
} from '../protocol/peer.ts';
import type { GuardedText, TextPlace } from '../text/guarded-text.ts';
import { MissingFile } from './engine-file.ts';
import { modelFiles, TooLarge } from './model-files.ts';
import type { Continue, Transformers, TransformersOptions } from './transformers-js.ts';

/** What a desk needs of the thread that it works on. */
export interface PeerSurroundings {
  openSource(model: ModelRef): Promise<ModelSource>;
  openTextPlace(): TextPlace;
  /** Whether the adapter computes with 16-bit numbers; null if there is no adapter. */
  halves(): Promise<boolean | null>;
  /** The bytes of the engine's WebAssembly. Throws {@link MissingFile}. */
  loadWasm(files: PeerFiles, onProgress: (loadedBytes: number) => void): Promise<Uint8Array>;
  /** Throws {@link MissingFile}. */
  loadTransformers(options: TransformersOptions): Promise<Transformers>;
  memory(): PeerMemory;
}

interface Opened {
  readonly write: Continue;
  readonly prompt: readonly number[];
  readonly newTokens: number;
  readonly text: GuardedText | null;
}

/** As kvtab's own CPU backend has. */
const THREADS = 1;

/** How much WebAssembly writes to warm up, and how long at most. */
const WARM_TOKENS = 128;
const WARM_MS = 3000;

/** Runs a model on transformers.js. What goes wrong there is an answer, never an exception. */
export class PeerDesk {
  readonly #surroundings: PeerSurroundings;
  #opened: Opened | null = null;
  #step: PeerStep = 'engine';

  constructor(surroundings: PeerSurroundings) {
    this.#surroundings = surroundings;
  }

  open(request: PeerRequest, emit: OnPeerEvent): Promise<PeerOutcome<PeerFacts>> {
    return this.#answering(() => this.#open(request, emit));
  }

  write(emit: OnPeerEvent): Promise<PeerOutcome<PeerRun>> {
    return this.#answering(async () => {
      if (!this.#opened) throw new Error('no model is open');
      this.#begin('run', emit);
      const { write, prompt, newTokens, text } = this.#opened;
      const onToken = (count: number) => {
        emit({ type: 'tokens', count });
      };
      const run = await write(prompt, newTokens, onToken);
      const memory = this.#surroundings.memory();
      const pieces = text && (await piecesOf(text, prompt, run.tokens));
      return { ...run, memory, pieces, text: pieces?.join('') ?? null };
    });
  }

  async #open(request: PeerRequest, emit: OnPeerEvent): Promise<PeerFacts> {
    const { files, newTokens, weights } = request;
    const onGpu = request.backend === 'webgpu';
    const device = onGpu ? 'webgpu' : 'wasm';
    this.#begin('engine', emit);
    // ONNX Runtime's WebAssembly has no 16-bit arithmetic: it would convert before and after every operator.
    const halves = onGpu ? await this.#surroundings.halves() : false;
    if (halves === null) throw new NoAdapter();
    const totalBytes = files.wasm.bytes;
    const wasmBinary = await this.#surroundings.loadWasm(files, (loadedBytes) => {
      emit({ type: 'engine', loadedBytes, totalBytes });
    });
    const transformers = await this.#surroundings.loadTransformers({
      ...{ files, device, threads: THREADS, wasmBinary },
    });

    this.#begin('model', emit);
    const source = await this.#surroundings.openSource(request.model);
    const { text, prompt, ...model } = await this.#readModel(request, source, halves, emit);
    this.#begin('graph', emit);
    const write = await transformers.open(model);
    this.#opened = { write, prompt, newTokens, text };

    this.#begin('warm-up', emit);
    const startMs = performance.now();
    let written = 0;
    do {
      await write(prompt, newTokens, (count) => {
        emit({ type: 'tokens', count });
      });
      written += newTokens;
      // Kernels on a GPU are compiled now. WebAssembly is optimized while it runs, for longer than a few tokens.
    } while (!onGpu && written < WARM_TOKENS && performance.now() - startMs < WARM_MS);
    const numbers = model.numbers === 'float16' ? 'f16' : 'f32';
    return {
      ...transformers.versions,
      ...{ device, threads: transformers.threads, numbers, promptTokens: prompt },
      build: files.wasm.url.split('/').at(-1) ?? '',
      matrices: isQuantized(weights) ? weights : numbers,
    };
  }

  async #readModel(request: PeerRequest, source: ModelSource, halves: boolean, emit: OnPeerEvent) {
    const { weights, quantizeEmbeddings, config, input, newTokens } = request;
    let prompt: readonly number[] = [];
    const files = await modelFiles({
      ...{ source, weights, quantizeEmbeddings, config, halves },
      openTextPlace: () => this.#surroundings.openTextPlace(),
      positions: async (text, dims) => {
        prompt = tokensOf(await promptTurns(input, text, dims));
        return prompt.length + newTokens;
      },
      emit: (event) => {
        if (event.type !== 'download') return;
        emit({ type: 'model', loadedBytes: event.loadedBytes, totalBytes: event.totalBytes });
      },
    });
    return { ...files, prompt };
  }

  #begin(step: PeerStep, emit: OnPeerEvent): void {
    this.#step = step;
    emit({ type: 'step', step });
  }

  async #answering<T>(work: () => Promise<T>): Promise<PeerOutcome<T>> {
    try {
      return { ok: true, value: await work() };
    } catch (error) {
      return { ok: false, failure: failureOf(error, this.#step) };
    }
  }
}

class NoAdapter extends Error {}

/** What the text of each token is, after the prompt. */
async function piecesOf(text: GuardedText, prompt: readonly number[], tokens: readonly number[]) {
  await text.startText(prompt, []);
  const pieces = [...(await text.push(tokens))];
  const rest = await text.flush();
  return pieces.map((piece, i) => (i === pieces.length - 1 ? piece + rest : piece));
}

/** ONNX Runtime, Emscripten, V8, SpiderMonkey and JavaScriptCore each have words of their own for it. */
const noMemory = /out of memory|bad_alloc|allocation failed|failed to allocate|array buffer allocation|OOM/i;

/** ONNX Runtime throws plain numbers where WebAssembly ends by itself. */
function failureOf(error: unknown, step: PeerStep): PeerFailure {
  if (error instanceof Refused) return { code: 'model', failure: error.failure };
  if (error instanceof TooLarge) return { code: 'too-large', bytes: error.bytes };
  if (error instanceof NotQuantizable) return { code: 'not-quantizable', reason: error.message };
  if (error instanceof NoAdapter) return { code: 'no-adapter' };
  if (error instanceof MissingFile) return { code: 'missing-file', file: error.file, reason: error.reason };
  const reason = (error instanceof Error ? error.message : String(error)).slice(0, 500);
  if (noMemory.test(reason)) return { code: 'out-of-memory', step, reason };
  return { code: 'failed', step, reason };
}
