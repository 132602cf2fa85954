import { readFileSync } from 'node:fs';
import type { WeightPrecision } from '../../gpu/numbers/matrix-format.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { openProcessorBackend } from '../../gpu/wasm/backend.ts';
import { openFolderSource } from '../../tools/headless/folder-source.ts';
import { Engine } from '../../worker/engine/engine.ts';
import { exportModel } from '../../worker/export/export-model.ts';
import type { ExportSink } from '../../worker/export/export-sink.ts';
import { Healing } from '../../worker/heal/healing.ts';
import { openHealing } from '../../worker/heal/open-healing.ts';
import type { Evaluated } from '../../worker/protocol/heal.ts';
import { defaultRecipe } from '../../gpu/train/recipe.ts';
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
  weights: WeightPrecision = 'stored',
): Promise<string> {
  const nowhere = () => Promise.reject(new Error('nothing is exported'));
  const engine = await loadedEngine(folder, 'model', nowhere, weights);
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

/** Held-out bits per byte while the panel Heal's recipe is followed in Node, on the sample that ships. */
export async function healedInNode(
  folder: string,
  layerTypes: string,
  steps: number,
): Promise<readonly Evaluated[]> {
  const sample = (file: string) =>
    readFileSync(new URL(`../../public/healing/${file}`, import.meta.url), 'utf8');
  const opened = await openHealing(
    {
      ...{ model: 'model', config: { layerTypes }, recipe: defaultRecipe('projections', steps) },
      text: { name: 'sample', train: sample('train.txt'), heldOut: sample('held-out.txt') },
      ...{ evaluateEverySteps: 1, heldOutWindows: 8 },
    },
    openFolderSource(folder),
    placeHere,
  );
  const healing = new Healing(opened, {
    emit: ignore,
    breathe: () => Promise.resolve(),
    stopped: () => false,
    keep: () => Promise.resolve(),
    now: () => performance.now(),
  });
  const { evaluations } = await healing.run();
  opened.text.close();
  return evaluations;
}

async function loadedEngine(
  folder: string,
  id: string,
  sink: ExportSink,
  weights: WeightPrecision = 'stored',
): Promise<Engine> {
  const engine = new Engine({
    openBackend: () => openProcessorBackend(),
    openSource: () => succeed(openFolderSource(folder)),
    openTextPlace: placeHere,
    exportModel: (model, request, run) => exportModel(model, request, run, sink),
  });
  valueOf(await engine.load({ model: id, backend: 'cpu', weights, quantizeEmbeddings: false }, ignore));
  return engine;
}
