import type { Backend } from '../../../gpu/backend.ts';
import { greedy } from '../../../gpu/plan/sampling.ts';
import { openCpuBackend } from '../../../gpu/reference/backend.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import type { ModelSource } from '../../../worker/loader/model-source.ts';
import { succeed, valueOf } from '../../../worker/outcome.ts';
import type { GenerateRequest } from '../../../worker/protocol/generate.ts';
import type { LoadRequest } from '../../../worker/protocol/load.ts';
import { goldenSource, shippedSource } from './sources.ts';
import { placeHere } from '../../../worker/text/place-here.ts';

export const ignore = () => undefined;
export const cpu = (model: string): LoadRequest => ({
  model,
  backend: 'cpu',
  weights: 'stored',
  quantizeEmbeddings: false,
});
export const ask = (changes: Partial<GenerateRequest>): GenerateRequest => ({
  input: { turns: [[5, 6, 7]] },
  config: {},
  mode: 'auto',
  kvPrecision: 'f32',
  maxNewTokens: 4,
  policy: { id: 'none' },
  ignoreEos: true,
  sampling: greedy,
  logits: [],
  score: false,
  ...changes,
});

const noFiles: Readonly<Record<string, string>> = {};

/**
 * An engine on the CPU with the models of the repository, and the backends that it opened.
 *
 * @param more text files that every model gets in addition to its own, or instead of them
 */
export function openEngine({
  edit = (backend: Backend) => backend,
  config = (text: string) => text,
  more = noFiles,
} = {}) {
  const opened: Backend[] = [];
  const files: string[] = [];
  const engine = new Engine({
    openBackend: () => {
      opened.push(edit(openCpuBackend()));
      return Promise.resolve(opened.at(-1) ?? openCpuBackend());
    },
    openTextPlace: placeHere,
    openSource: (model) => {
      const source = model.startsWith('fairy') ? shippedSource(model) : goldenSource(model);
      const noting: ModelSource = {
        names: () => source.names(),
        text: async (file) => {
          const text = more[file] ?? (await source.text(file));
          return text !== null && file === 'config.json' ? config(text) : text;
        },
        open: (file, begin) => {
          files.push(file);
          return source.open(file, begin);
        },
      };
      return succeed(noting);
    },
  });
  return { engine, opened, files };
}

export async function loaded(model: string, options = {}) {
  const opened = openEngine(options);
  valueOf(await opened.engine.load(cpu(model), ignore));
  return opened;
}
