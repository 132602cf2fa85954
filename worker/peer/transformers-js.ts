/** transformers.js with its own `generate`, on a graph that was built here. It asks no server for anything. */
import type { TransformersFiles } from '../protocol/peer.ts';
import type { Continue } from './continued.ts';
import type { ModelFiles } from './model-files.ts';

/** The part of transformers.js 4 that is used here. Its own types would bring those of all its tasks. */
interface TransformersJs {
  readonly env: {
    version: string;
    allowLocalModels: boolean;
    allowRemoteModels: boolean;
    localModelPath: string;
    useBrowserCache: boolean;
    useWasmCache: boolean;
    fetch: (url: string | URL) => Promise<Response>;
    readonly backends: {
      readonly onnx: {
        readonly versions: { readonly web?: string };
        readonly wasm: {
          wasmPaths: { mjs: string; wasm: string };
          wasmBinary?: Uint8Array;
          numThreads?: number;
        };
      };
    };
  };
  readonly AutoModelForCausalLM: {
    from_pretrained(model: string, options: { device: string; dtype: string }): Promise<CausalModel>;
  };
  readonly BaseStreamer: new () => { put(tokens: bigint[][]): void; end(): void };
  readonly DynamicCache: new () => { dispose(): Promise<void> };
  readonly Tensor: new (type: 'int64', data: BigInt64Array, shape: readonly number[]) => CacheTensor;
}

interface CacheTensor {
  readonly type: string;
  readonly dims: readonly number[];
}

interface CausalModel {
  generate(options: Readonly<Record<string, unknown>>): Promise<unknown>;
}

export interface TransformersOptions {
  readonly files: TransformersFiles;
  readonly device: 'webgpu' | 'wasm';
  /** Left out: as many as ONNX Runtime chooses itself. */
  readonly threads?: number | undefined;
  /** The WebAssembly of ONNX Runtime, if it was loaded already. */
  readonly wasmBinary?: Uint8Array;
}

export interface Transformers {
  readonly versions: { readonly transformers: string; readonly onnxRuntime: string };
  /** Known once the model is open. */
  readonly threads: number;
  /** Opens the one model of this thread: ONNX Runtime starts only once. */
  open(model: Pick<ModelFiles, 'onnx' | 'config' | 'readsPromptAtOnce'>): Promise<Continue>;
}

/** Where transformers.js looks for the model. Nothing is there: its requests are answered here. */
const MODELS = '/models/';
const MODEL = 'here';

function canShareMemory(): boolean {
  try {
    const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    new MessageChannel().port1.postMessage(buffer);
    return true;
  } catch {
    return false;
  }
}

export async function loadTransformers(options: TransformersOptions): Promise<Transformers> {
  const { files, threads } = options;
  const library = (await import(/* @vite-ignore */ files.script.url)) as TransformersJs;
  const { env } = library;
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = MODELS;
  env.useBrowserCache = false;
  env.useWasmCache = false;
  const { wasm, versions } = env.backends.onnx;
  wasm.wasmPaths = { mjs: files.loader.url, wasm: files.wasm.url };
  if (options.wasmBinary) wasm.wasmBinary = options.wasmBinary;
  // Where memory cannot be shared it would choose several too, complain, and take one.
  if (threads !== undefined || !canShareMemory()) wasm.numThreads = threads ?? 1;
  return {
    versions: { transformers: env.version, onnxRuntime: versions.web ?? 'unknown' },
    get threads() {
      return wasm.numThreads ?? 1;
    },
    open: async ({ onnx, config, readsPromptAtOnce }) => {
      const served = new Map<string, BodyInit>([
        [`${MODELS}${MODEL}/config.json`, JSON.stringify(config)],
        [`${MODELS}${MODEL}/onnx/model.onnx`, onnx],
      ]);
      env.fetch = (url) => {
        const body = served.get(String(url));
        return Promise.resolve(new Response(body ?? null, { status: body === undefined ? 404 : 200 }));
      };
      // The name of the type chooses the file alone; the types are those of the graph.
      const wanted = { device: options.device, dtype: 'fp32' };
      const model = await library.AutoModelForCausalLM.from_pretrained(MODEL, wanted);
      served.clear();
      return continueWith(library, model, readsPromptAtOnce);
    },
  };
}

const continueWith =
  (library: TransformersJs, model: CausalModel, readsPromptAtOnce: boolean): Continue =>
  async (prompt, newTokens, onToken = () => undefined) => {
    const cache = new library.DynamicCache();
    try {
      if (!readsPromptAtOnce) {
        // The model sees only the past that the cache held before the call.
        for (let count = 1; count < prompt.length; count++) await generate(prompt.slice(0, count), 1);
      }
      const tokens: number[] = [];
      let [firstMs, lastMs] = [0, 0];
      let isPrompt = true;
      class Listener extends library.BaseStreamer {
        override put(batch: bigint[][]) {
          // A streamer gets the prompt first.
          if (isPrompt) {
            isPrompt = false;
            return;
          }
          lastMs = performance.now();
          if (tokens.length === 0) firstMs = lastMs;
          tokens.push(Number(batch[0]?.[0]));
          onToken(tokens.length);
        }
        override end() {
          // No token is held back.
        }
      }
      const startMs = performance.now();
      await generate(prompt, newTokens, new Listener());
      const decodeMs = lastMs - firstMs;
      return {
        tokens,
        prefillMs: firstMs - startMs,
        decodeTokensPerSec: tokens.length < 2 ? 0 : (1000 * (tokens.length - 1)) / decodeMs,
        kvBytes: bytesOf(cache),
      };
    } finally {
      await cache.dispose();
    }

    function generate(text: readonly number[], maxNewTokens: number, streamer: object | null = null) {
      const shape = [1, text.length];
      return model.generate({
        inputs: new library.Tensor('int64', BigInt64Array.from(text, BigInt), shape),
        attention_mask: new library.Tensor('int64', new BigInt64Array(text.length).fill(1n), shape),
        past_key_values: cache,
        max_new_tokens: maxNewTokens,
        do_sample: false,
        ...(streamer === null ? {} : { streamer }),
      });
    }
  };

/** The tensors of a cache are properties of it, one per input of the graph. */
function bytesOf(cache: object): number {
  const entries = Object.values(cache) as readonly Partial<CacheTensor>[];
  return entries.reduce((sum, { type, dims }) => {
    const numbers = dims?.reduce((product, length) => product * length, 1) ?? 0;
    return sum + numbers * (type === 'float16' ? 2 : 4);
  }, 0);
}
