import { NotQuantizable } from '../../gpu/numbers/quantize.ts';
import { Refused } from '../outcome.ts';
import type {
  OnPeerEvent,
  PeerFacts,
  PeerFailure,
  PeerOutcome,
  PeerRequest,
  PeerRun,
  PeerStep,
} from '../protocol/peer.ts';
import type { GuardedText } from '../text/guarded-text.ts';
import { MissingFile } from './engine-file.ts';
import { NotWritable } from './gguf/decoder-gguf.ts';
import { TooLarge } from './model-files.ts';
import { NoAdapter, openTransformers } from './open-transformers.ts';
import { openWllama, Unsupported } from './open-wllama.ts';
import type { OpenedPeer, PeerSurroundings } from './opened-peer.ts';

interface Opened extends Omit<OpenedPeer, 'facts'> {
  readonly prompt: readonly number[];
  readonly newTokens: number;
}

/** How much WebAssembly writes to warm up, and how long at most. */
const WARM_TOKENS = 128;
const WARM_MS = 3000;

/** Runs a model on another engine. What goes wrong there is an answer, never an exception. */
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
      const { write, prompt, newTokens, text, memory: memoryNow } = this.#opened;
      const onToken = (count: number) => {
        emit({ type: 'tokens', count });
      };
      const run = await write(prompt, newTokens, onToken);
      const memory = await memoryNow();
      const pieces = text && (await piecesOf(text, prompt, run.tokens));
      return { ...run, memory, pieces, text: pieces?.join('') ?? null };
    });
  }

  async #open(request: PeerRequest, emit: OnPeerEvent): Promise<PeerFacts> {
    const { newTokens } = request;
    const onGpu = request.backend === 'webgpu';
    const begin = (step: PeerStep) => {
      this.#begin(step, emit);
    };
    const opener = { ...this.#surroundings, begin, emit };
    const { files } = request;
    const { facts, write, text, memory } =
      files.engine === 'wllama'
        ? await openWllama({ ...request, files }, opener)
        : await openTransformers({ ...request, files }, opener);
    const prompt = facts.promptTokens;
    this.#opened = { write, prompt, newTokens, text, memory };

    begin('warm-up');
    const startMs = performance.now();
    let written = 0;
    do {
      await write(prompt, newTokens, (count) => {
        emit({ type: 'tokens', count });
      });
      written += newTokens;
      // Kernels on a GPU are compiled now. WebAssembly is optimized while it runs, for longer than a few tokens.
    } while (!onGpu && written < WARM_TOKENS && performance.now() - startMs < WARM_MS);
    return facts;
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
  if (error instanceof TooLarge) {
    return { code: 'too-large', bytes: error.bytes, mostBytes: error.mostBytes };
  }
  if (error instanceof NotWritable) return { code: 'not-writable', reason: error.message };
  if (error instanceof Unsupported) return { code: 'unsupported', what: error.message };
  if (error instanceof NotQuantizable) return { code: 'not-quantizable', reason: error.message };
  if (error instanceof NoAdapter) return { code: 'no-adapter' };
  if (error instanceof MissingFile) return { code: 'missing-file', file: error.file, reason: error.reason };
  const reason = (error instanceof Error ? error.message : String(error)).slice(0, 500);
  if (noMemory.test(reason)) return { code: 'out-of-memory', step, reason };
  return { code: 'failed', step, reason };
}
