import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackendChoice } from '../../worker/protocol/load.ts';
import { openFolderSource } from '../headless/folder-source.ts';
import { openEngine, type Surroundings } from '../headless/main.ts';
import { familyTable, modelCard, type Dossier } from './card.ts';
import { evaluate, tokenizerOf } from './evaluate.ts';
import type { Check, Evaluation, Training } from './evaluation.ts';
import { readHeldOut } from './held-out.ts';
import { evaluatePolicies, type PolicyFigures } from './policies.ts';

export interface Order {
  /** Ids of shipped models to measure. The others keep their figures. */
  readonly models: readonly string[];
  /** The folder of the corpus; null: only write the cards again from the stored figures. */
  readonly corpus: string | null;
  readonly backend: BackendChoice;
  readonly windows: number;
  /** Whether to measure cache policies, instead of the models. */
  readonly policies: boolean;
}

/** Evaluates shipped models. Writes the cards of all models, their table, and the quality that the page shows. */
export async function main(
  { models, corpus, backend, windows, policies }: Order,
  surroundings: Surroundings,
): Promise<void> {
  const shipped = join(surroundings.root, 'public', 'models');
  if (corpus !== null) {
    const heldOut = await readHeldOut(corpus);
    const engine = openEngine(surroundings);
    for (const model of models) {
      const folder = join(shipped, model);
      const source = openFolderSource(folder);
      if (policies) {
        const load = { model, backend, weights: 'stored', quantizeEmbeddings: false } as const;
        const text = { tokenizer: await tokenizerOf(model, source), heldOut, windows };
        const hasKernels = (file: string) => existsSync(join(folder, file));
        const figures = await evaluatePolicies(engine, load, text, hasKernels, report);
        await writeJson(join(folder, 'policies.json'), figures);
        continue;
      }
      const subject = { model, backend, source, heldOut, windows };
      await writeJson(join(folder, 'evaluation.json'), await evaluate(engine, subject, report));
    }
    await engine.unload();
  }
  const indexFile = join(shipped, 'index.json');
  const index = JSON.parse(await readFile(indexFile, 'utf8')) as { id: string; measured?: unknown }[];
  const family: Dossier[] = [];
  for (const entry of index) {
    const dossier = await readDossier(shipped, entry.id);
    if (!dossier) continue;
    family.push(dossier);
    const { sequential, contextTokens, kvBytesAtContext } = dossier.evaluation;
    entry.measured = {
      bitsPerByte: Number(sequential.bitsPerByte.toFixed(4)),
      contextTokens,
      kvBytesAtContext,
    };
    await writeFile(join(shipped, entry.id, 'README.md'), modelCard(dossier));
  }
  await writeFile(join(shipped, 'README.md'), familyTable(family));
  // What the page shows about each, in Prettier's layout.
  await writeFile(indexFile, `${JSON.stringify(index, null, 2)}\n`);
}

/** What the tools wrote about a model; null if it was not evaluated. */
async function readDossier(shipped: string, id: string): Promise<Dossier | null> {
  const read = async (name: string): Promise<unknown> => {
    const file = join(shipped, id, name);
    return existsSync(file) ? JSON.parse(await readFile(file, 'utf8')) : null;
  };
  const evaluation = (await read('evaluation.json')) as Evaluation | null;
  const training = (await read('training.json')) as Training | null;
  const check = (await read('check.json')) as Check | null;
  const policies = (await read('policies.json')) as PolicyFigures | null;
  return evaluation && training && { id, evaluation, training, check, policies };
}

const writeJson = (file: string, value: unknown) => writeFile(file, `${JSON.stringify(value, null, 1)}\n`);

const report = (what: string) => {
  process.stderr.write(`${what}\n`);
};
