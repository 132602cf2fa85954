/** Runs the graph of a checkpoint on ONNX Runtime in Node. */
import { setFlagsFromString } from 'node:v8';
import { env, InferenceSession, Tensor } from 'onnxruntime-web/webgpu';
import type { WeightFormats } from '../../gpu/numbers/matrix-format.ts';
import { openFolderSource } from '../../tools/headless/folder-source.ts';
import { modelFiles } from '../../worker/peer/model-files.ts';
import { placeHere } from '../../worker/text/place-here.ts';

// V8 optimizes 20 MB of code in the background for three times as long as the tests run it.
setFlagsFromString('--liftoff-only');
env.wasm.numThreads = 1;
env.logLevel = 'error';

export type Written = Partial<WeightFormats> & {
  readonly halves?: boolean;
  readonly provider?: 'wasm' | 'webgpu';
};

export async function openGraph(
  folder: string,
  { halves = false, weights = 'stored', quantizeEmbeddings = false, provider = 'wasm' }: Written = {},
) {
  const { onnx, config, numbers } = await modelFiles({
    ...{ halves, weights, quantizeEmbeddings, config: {}, openTextPlace: placeHere },
    source: openFolderSource(folder),
    positions: () => 64,
    emit: () => undefined,
  });
  const session = await InferenceSession.create(onnx, { executionProviders: [provider] });
  const type = numbers === 'float' ? 'float32' : 'float16';
  const shape = [1, Number(config['num_key_value_heads']), 0, Number(config['head_dim'])];
  const nothing = () => new Tensor(type, numbers === 'float' ? new Float32Array() : new Uint16Array(), shape);
  let cache: Readonly<Record<string, Tensor>> = Object.fromEntries(
    session.inputNames.filter((name) => name.startsWith('past')).map((name) => [name, nothing()]),
  );
  let read = 0;
  const ints = (values: readonly number[]) =>
    new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
  /** Reads tokens behind those read before. Gives the logits of the last one. */
  const feed = async (tokens: readonly number[]) => {
    const given = await session.run({
      ...cache,
      input_ids: ints(tokens),
      attention_mask: ints(Array.from({ length: read + tokens.length }, () => 1)),
      position_ids: ints(tokens.map((_, i) => read + i)),
    });
    read += tokens.length;
    cache = Object.fromEntries(
      Object.keys(cache).map((name) => [name, given[name.replace('past_key_values', 'present')] as Tensor]),
    );
    return given['logits']?.data as Float32Array;
  };
  const greedily = async (prompt: readonly number[], count: number) => {
    const tokens: number[] = [];
    let logits = await feed(prompt);
    for (;;) {
      tokens.push(logits.indexOf(Math.max(...logits)));
      if (tokens.length === count) return tokens;
      logits = await feed(tokens.slice(-1));
    }
  };
  return { feed, greedy: greedily };
}
