import { greedy } from '../../gpu/plan/sampling.ts';
import { openProcessorBackend } from '../../gpu/wasm/backend.ts';
import { openFolderSource } from '../../tools/headless/folder-source.ts';
import { Engine } from '../../worker/engine/engine.ts';
import { exportModel } from '../../worker/export/export-model.ts';
import type { ExportSink } from '../../worker/export/export-sink.ts';
import { succeed, valueOf } from '../../worker/outcome.ts';
import { placeHere } from '../../worker/text/place-here.ts';

const ignore = () => undefined;

/** The files that the same code exports in Node, by their paths in the zip. */
export async function exportInNode(
  folder: string,
  id: string,
  layerTypes: string,
): Promise<ReadonlyMap<string, Buffer>> {
  const written = new Map<string, Buffer>();
  const keep: ExportSink = async (name, files) => {
    for await (const file of files) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of file.chunks) chunks.push(chunk.slice());
      written.set(`${name}/${file.name}`, Buffer.concat(chunks));
    }
    return { name, zip: null };
  };
  const engine = await loadedEngine(folder, id, keep);
  valueOf(await engine.export({ config: { layerTypes }, round: 'bf16', to: { to: 'zip' } }, ignore));
  await engine.unload();
  return written;
}

/** The greedy text of the same backend in Node. */
export async function textInNode(
  folder: string,
  prompt: string,
  layerTypes: string,
  maxNewTokens: number,
): Promise<string> {
  const engine = await loadedEngine(folder, 'model', () => Promise.reject(new Error('nothing is exported')));
  const { text } = valueOf(
    await engine.generate(
      {
        input: { text: prompt },
        config: { layerTypes },
        mode: 'auto',
        kvPrecision: 'f32',
        maxNewTokens,
        policy: { id: 'none' },
        ignoreEos: false,
        sampling: greedy,
        logits: [],
        score: false,
      },
      ignore,
    ),
  );
  await engine.unload();
  if (text === null) throw new Error('the model has no tokenizer');
  return text;
}

async function loadedEngine(folder: string, id: string, sink: ExportSink): Promise<Engine> {
  const engine = new Engine({
    openBackend: () => openProcessorBackend(),
    openSource: () => succeed(openFolderSource(folder)),
    openTextPlace: placeHere,
    exportModel: (model, request, run) => exportModel(model, request, run, sink),
  });
  valueOf(
    await engine.load({ model: id, backend: 'cpu', weights: 'stored', quantizeEmbeddings: false }, ignore),
  );
  return engine;
}
