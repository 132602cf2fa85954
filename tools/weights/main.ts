import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { BackendChoice } from '../../worker/protocol/load.ts';
import { readTextFiles } from '../../worker/loader/text-files.ts';
import { openTokenizer } from '../../worker/text/tokenizer.ts';
import { takeWindows } from '../evaluate/held-out.ts';
import { openFolderSource } from '../headless/folder-source.ts';
import { openEngine, type Surroundings } from '../headless/main.ts';
import { compareWeights, tableOf, type Comparison } from './compare-weights.ts';

/** After the begin token, as in `npm run evaluate`. */
const WINDOW_TOKENS = 255;

interface Request {
  /** A model that ships; null: the first of index.json, which the page opens with. */
  readonly model: string | null;
  /** A text, plain or gzipped, that the model was not trained on. */
  readonly text: string;
  readonly backend: BackendChoice;
  readonly windows: number;
  readonly newTokens: number;
  readonly rounds: number;
}

/** Compares the formats of weights of one shipped model. */
export async function main(
  request: Request,
  surroundings: Surroundings,
): Promise<{ readonly comparison: Comparison; readonly table: string }> {
  const models = join(surroundings.root, 'public', 'models');
  const model = request.model ?? (await firstOf(join(models, 'index.json')));
  const files = await readTextFiles(openFolderSource(join(models, model)));
  if (!files) throw new Error(`${model} has no tokenizer.json`);
  const tokenizer = await openTokenizer(files.tokenizer);
  const { windows } = takeWindows(await readText(request.text), tokenizer, request.windows, WINDOW_TOKENS);
  const engine = openEngine(surroundings);
  try {
    const comparison = await compareWeights(engine, { ...request, model, windows }, (what) => {
      process.stderr.write(`${what}\n`);
    });
    return { comparison, table: tableOf(comparison) };
  } finally {
    await engine.unload();
  }
}

async function firstOf(index: string): Promise<string> {
  const entries = JSON.parse(await readFile(index, 'utf8')) as readonly { readonly id: string }[]; // our own file
  const [first] = entries;
  if (!first) throw new Error(`${index} names no model`);
  return first.id;
}

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}
