import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KernelFile } from '../../gpu/kv/policies/kernel-file.ts';
import { TEXT_FILES, WHOLE_WEIGHTS } from '../../worker/loader/model-files.ts';
import type { BackendChoice } from '../../worker/protocol/load.ts';
import type { MeasuredPolicies, PolicyTable } from '../../worker/protocol/policy-table.ts';
import { openFolderSource } from '../headless/folder-source.ts';
import { openEngine, type Surroundings } from '../headless/main.ts';
import { familyTable, modelCard, type Dossier } from './card.ts';
import { evaluate, tokenizerOf } from './evaluate.ts';
import type { Check, Evaluation, KernelCard, Training } from './evaluation.ts';
import { readHeldOut } from './held-out.ts';
import { policiesOf } from './policy-table.ts';
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
  const index = JSON.parse(await readFile(indexFile, 'utf8')) as {
    id: string;
    measured?: unknown;
    kernels?: readonly KernelFile[];
    fileBytes?: Readonly<Record<string, number>>;
  }[];
  const family: Dossier[] = [];
  const policyFigures: PolicyFigures[] = [];
  const underPolicies: MeasuredPolicies[] = [];
  for (const entry of index) {
    const dossier = await readDossier(shipped, entry.id);
    if (!dossier) continue;
    family.push(dossier);
    if (dossier.policies) {
      const config: unknown = JSON.parse(await readFile(join(shipped, entry.id, 'config.json'), 'utf8'));
      policyFigures.push(dossier.policies);
      underPolicies.push(await policiesOf(entry.id, config, dossier.policies, dossier.kernels));
    }
    const { sequential, contextTokens, kvBytesAtContext } = dossier.evaluation;
    entry.measured = {
      bitsPerByte: Number(sequential.bitsPerByte.toFixed(4)),
      contextTokens,
      kvBytesAtContext,
    };
    entry.kernels = dossier.kernels.map(kernelFileOf);
    entry.fileBytes = await sizesIn(join(shipped, entry.id), entry.kernels);
    await writeFile(join(shipped, entry.id, 'README.md'), modelCard(dossier));
  }
  await writeFile(join(shipped, 'README.md'), familyTable(family));
  const [first] = policyFigures;
  if (first) {
    const { windows: count, windowTokens, promptTokens } = first;
    const table: PolicyTable = { windows: count, windowTokens, promptTokens, models: underPolicies };
    await writeFile(join(shipped, 'policies.json'), `${JSON.stringify(table, null, 2)}\n`);
  }
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
  const cards = (await readdir(join(shipped, id))).filter((name) => /^less-.*\.json$/.test(name)).sort();
  const kernels = (await Promise.all(cards.map(read))) as KernelCard[];
  return evaluation && training && { id, evaluation, training, check, policies, kernels };
}

/** Sizes of the files that a load may read. */
async function sizesIn(folder: string, kernels: readonly KernelFile[]): Promise<Record<string, number>> {
  const names = [...TEXT_FILES, WHOLE_WEIGHTS, ...kernels.map(({ file }) => file)];
  const there = names.filter((name) => existsSync(join(folder, name)));
  const sizes = await Promise.all(there.map(async (name) => [name, (await stat(join(folder, name))).size]));
  return Object.fromEntries(sizes) as Record<string, number>;
}

/** What the page needs to know of a file of kernels. */
const kernelFileOf = ({ file, rank, layerTypes, policy }: KernelCard): KernelFile => ({
  ...{ file, rank, layerTypes },
  policy: { id: policy.id, sinks: policy.sinks ?? 0, heavy: policy.heavy ?? 0, recent: policy.recent },
});

const writeJson = (file: string, value: unknown) => writeFile(file, `${JSON.stringify(value, null, 1)}\n`);

const report = (what: string) => {
  process.stderr.write(`${what}\n`);
};
