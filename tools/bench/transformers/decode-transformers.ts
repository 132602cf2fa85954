import type { Decode } from './decode.ts';

/** The part of transformers.js 4 that this bench uses. Its own types are not installed with this project. */
interface TransformersJs {
  readonly env: {
    version: string;
    allowLocalModels: boolean;
    allowRemoteModels: boolean;
    localModelPath: string;
    useBrowserCache: boolean;
    useWasmCache: boolean;
    readonly backends: {
      readonly onnx: {
        readonly versions: { readonly web?: string };
        readonly wasm: { wasmPaths: { mjs: string; wasm: string }; numThreads: number };
      };
    };
  };
  readonly AutoModelForCausalLM: {
    from_pretrained(model: string, options: { device: string; dtype: string }): Promise<CausalModel>;
  };
  readonly BaseStreamer: new () => { put(tokens: bigint[][]): void; end(): void };
  readonly DynamicCache: new () => { dispose(): Promise<void> };
  readonly Tensor: new (type: 'int64', data: BigInt64Array, shape: readonly number[]) => object;
}

interface CausalModel {
  generate(options: Readonly<Record<string, unknown>>): Promise<unknown>;
}

export interface TransformersOptions {
  /** The URL of its packages. */
  readonly packages: string;
  /** The URL of the ONNX models. */
  readonly models: string;
  readonly device: 'webgpu' | 'wasm';
  /** `.asyncify` is the build that it chooses in a browser with WebGPU. The empty one is lean: it has no WebGPU. */
  readonly build: '.asyncify' | '';
  readonly threads: number;
}

export interface Transformers {
  readonly decode: Decode;
  readonly versions: { readonly transformers: string; readonly onnxRuntime: string };
  readonly threads: number;
}

/** transformers.js, with its own `generate`. */
export async function openTransformers(options: TransformersOptions, model: string): Promise<Transformers> {
  const entry = `${options.packages}@huggingface/transformers/dist/transformers.min.js`;
  const library = (await import(/* @vite-ignore */ entry)) as TransformersJs;
  const { env } = library;
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = options.models;
  env.useBrowserCache = false;
  env.useWasmCache = false;
  const runtime = `${options.packages}onnxruntime-web/dist/ort-wasm-simd-threaded${options.build}`;
  const { wasm, versions } = env.backends.onnx;
  wasm.wasmPaths = { mjs: `${runtime}.mjs`, wasm: `${runtime}.wasm` };
  wasm.numThreads = options.threads;
  const loaded = await library.AutoModelForCausalLM.from_pretrained(model, {
    device: options.device,
    dtype: 'fp32',
  });
  return {
    decode: decodeWith(library, loaded),
    versions: { transformers: env.version, onnxRuntime: versions.web ?? 'unknown' },
    threads: wasm.numThreads,
  };
}

const decodeWith =
  (library: TransformersJs, model: CausalModel): Decode =>
  async (prompt, newTokens) => {
    const cache = new library.DynamicCache();
    // One token of the prompt at a time: the model sees only the past that the cache held before the call.
    for (let count = 1; count < prompt.length; count++) await generate(prompt.slice(0, count), 1);

    const tokens: number[] = [];
    let [firstMs, lastMs] = [0, 0];
    class Listener extends library.BaseStreamer {
      override put(batch: bigint[][]) {
        lastMs = performance.now();
        if (tokens.length === 0) firstMs = lastMs;
        tokens.push(Number(batch[0]?.[0]));
      }
      override end() {
        // No token is held back.
      }
    }
    await generate(prompt, newTokens, afterPrompt(new Listener()));
    await cache.dispose();
    return { tokens, tokensPerSec: (1000 * (newTokens - 1)) / (lastMs - firstMs) };

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

/** A streamer gets the prompt first. */
function afterPrompt<S extends { put(tokens: bigint[][]): void }>(streamer: S): S {
  const put = streamer.put.bind(streamer);
  let prompt = true;
  streamer.put = (tokens) => {
    if (!prompt) put(tokens);
    prompt = false;
  };
  return streamer;
}
