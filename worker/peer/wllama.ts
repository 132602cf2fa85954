/** wllama, which is llama.cpp in WebAssembly, on a file that was written here. It runs in a worker that it makes itself. */
import { textOfTokens, tokensOfText } from './gguf/token-text.ts';
import type { Continue } from './continued.ts';

/** The part of wllama 3 that is used here. */
interface WllamaModule {
  readonly Wllama: {
    new (
      paths: { readonly default: string },
      options: { readonly suppressNativeLog: boolean; readonly logger: Logger },
    ): WllamaModel;
    getLibllamaVersion(): string;
  };
}

interface WllamaModel {
  loadModel(files: readonly Blob[], options: Readonly<Record<string, unknown>>): Promise<void>;
  getNumThreads(): number;
  createCompletion(options: Readonly<Record<string, unknown>>): Promise<unknown>;
}

type Logger = Readonly<Record<'debug' | 'log' | 'warn' | 'error', (...words: readonly unknown[]) => void>>;

interface Chunk {
  readonly choices: readonly { readonly text: string }[];
}

export interface WllamaOptions {
  readonly scriptUrl: string;
  readonly wasmUrl: string;
  /** Left out: as many as wllama chooses itself. */
  readonly threads?: number | undefined;
}

export interface WllamaPlace {
  /** Of llama.cpp. */
  readonly version: string;
  /** Opens the one model of this place. */
  open(model: {
    readonly gguf: readonly Uint8Array<ArrayBuffer>[];
    readonly positions: number;
    readonly kvBytesPerToken: number;
  }): Promise<OpenedWllama>;
}

export interface OpenedWllama {
  readonly threads: number;
  readonly write: Continue;
  /** The WebAssembly memory of its worker; null if it does not say. */
  heapBytes(): Promise<number | null>;
}

export async function loadWllama({ scriptUrl, wasmUrl, threads }: WllamaOptions): Promise<WllamaPlace> {
  const { Wllama } = (await import(/* @vite-ignore */ scriptUrl)) as WllamaModule;
  return {
    version: Wllama.getLibllamaVersion(),
    open: async ({ gguf, positions, kvBytesPerToken }) => {
      const complaints: string[] = [];
      const ignore = () => undefined;
      const complain = (...words: readonly unknown[]) => void complaints.push(words.map(String).join(' '));
      const logger = { debug: ignore, log: ignore, warn: ignore, error: complain };
      const model = new Wllama({ default: wasmUrl }, { suppressNativeLog: true, logger });
      const watch = watchMadeWorker();
      try {
        await model.loadModel([new Blob([...gguf])], {
          ...{ n_ctx: positions, n_batch: positions, n_ubatch: Math.min(positions, MOST_AT_ONCE) },
          ...{
            ...(threads === undefined ? {} : { n_threads: threads }),
            n_gpu_layers: 0,
            n_parallel: 1,
            seed: 1,
            flash_attn: true,
          },
          // It is warmed up as every engine is. One text follows the other, and nothing of the last one is kept.
          ...{ warmup: false, ctx_shift: false, cache_idle_slots: false },
        });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error([reason, ...complaints].join('; '), { cause: error });
      } finally {
        watch.end();
      }
      return {
        threads: model.getNumThreads(),
        heapBytes: watch.heapBytes,
        write: (prompt, newTokens, onToken) =>
          continueWith(model, prompt, newTokens, kvBytesPerToken, onToken),
      };
    },
  };
}

/** llama.cpp's own default. */
const MOST_AT_ONCE = 512;

async function continueWith(
  model: WllamaModel,
  prompt: readonly number[],
  newTokens: number,
  kvBytesPerToken: number,
  onToken: (count: number) => void = () => undefined,
): ReturnType<Continue> {
  const tokens: number[] = [];
  const startMs = performance.now();
  let [firstMs, lastMs] = [0, 0];
  await model.createCompletion({
    ...{ prompt: textOfTokens(prompt), max_tokens: newTokens, cache_prompt: false, stream: true },
    ...{ temperature: 0, samplers: ['top_k'], top_k: 1 },
    onData: ({ choices }: Chunk) => {
      const fresh = tokensOfText(choices[0]?.text ?? '');
      // The last chunk says how it ended, and has no text.
      if (fresh.length === 0) return;
      lastMs = performance.now();
      if (tokens.length === 0) firstMs = lastMs;
      tokens.push(...fresh);
      onToken(tokens.length);
    },
  });
  return {
    tokens,
    prefillMs: firstMs - startMs,
    decodeTokensPerSec: tokens.length < 2 ? 0 : (1000 * (tokens.length - 1)) / (lastMs - firstMs),
    // The last token is never fed.
    kvBytes: kvBytesPerToken * (prompt.length + tokens.length - 1),
  };
}

/**
 * Puts a line before the script of the worker that wllama makes, which tells how large its memory is. Nothing else of it
 * can be seen from here.
 */
function watchMadeWorker() {
  const name = `kvtab-wllama-${crypto.randomUUID()}`;
  const before = URL.createObjectURL.bind(URL);
  URL.createObjectURL = (made: Blob) => before(new Blob([tellMemory(name), made], { type: made.type }));
  return {
    end: () => {
      URL.createObjectURL = before;
    },
    heapBytes: async (): Promise<number | null> => {
      const channel = new BroadcastChannel(name);
      try {
        return await new Promise<number | null>((resolve) => {
          channel.onmessage = ({ data }) => {
            if (typeof data === 'number') resolve(data);
          };
          channel.postMessage('how large?');
          setTimeout(() => {
            resolve(null);
          }, LONGEST_ANSWER_MS);
        });
      } finally {
        channel.close();
      }
    },
  };
}

const LONGEST_ANSWER_MS = 2000;

const tellMemory = (channel: string) => `{
  const made = [];
  WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
    construct(target, given) {
      const memory = new target(...given);
      made.push(memory);
      return memory;
    },
  });
  const asked = new BroadcastChannel(${JSON.stringify(channel)});
  asked.onmessage = ({ data }) => {
    if (typeof data === 'string') asked.postMessage(made.reduce((sum, { buffer }) => sum + buffer.byteLength, 0));
  };
}
`;
