import type { ModelSource } from '../../../worker/loader/model-source.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import { modelFiles } from '../../../worker/peer/model-files.ts';

/**
 * A shipped model as transformers.js loads it, in float32: the contents of `config.json` and `onnx/model.onnx`.
 *
 * @param positions the most tokens of a text
 */
export async function onnxFiles(source: ModelSource, positions: number) {
  const { config, onnx, text } = await modelFiles({
    ...{ source, config: {}, weights: 'stored', quantizeEmbeddings: false, halves: false },
    positions: () => positions,
    openTextPlace: placeHere,
    emit: () => undefined,
  });
  text?.close();
  return { config, onnx };
}
