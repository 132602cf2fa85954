import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { defaultRecipe } from '../../gpu/train/recipe.ts';
import { healedFiles } from '../../worker/heal/healed-files.ts';
import { Healing } from '../../worker/heal/healing.ts';
import { openHealing, type OpenedHealing } from '../../worker/heal/open-healing.ts';
import { textOfOwnFile } from '../../worker/laboratory/own-file.ts';
import { engineVersionAt } from '../../worker/laboratory/engine-version.ts';
import { Refused, valueOf } from '../../worker/outcome.ts';
import type { HealRequest, HealResult, HealText } from '../../worker/protocol/heal.ts';
import { openFolderSource } from '../headless/folder-source.ts';
import type { Surroundings } from '../headless/main.ts';
import { findModelFolder } from '../headless/model-folder.ts';
import { emptyFolder, pathSink } from '../headless/path-sink.ts';
import { placeInThread } from '../headless/place-in-thread.ts';
import { startFolder } from '../headless/start-folder.ts';
import { failureInWords } from '../lab/failure-in-words.ts';
import { CheckpointFile } from './checkpoint-file.ts';
import type { HealOrder } from './options.mjs';

export interface HealSurroundings extends Surroundings {
  /** See `engineVersionAt`. */
  readonly commit: string;
}

/**
 * Heals a plan, and writes lines of JSON to standard output.
 *
 * @returns the exit status: 0 if all steps were done, 1 if something failed, 2 if the order is wrong
 */
export async function main(order: HealOrder, { root, commit }: HealSurroundings): Promise<number> {
  const start = startFolder('heal');
  try {
    return await heal(order, { start, root, engine: engineVersionAt(commit) });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const { failure } = error;
    print({ type: 'failed', failure });
    process.stderr.write(`heal: ${failureInWords(failure)}\n`);
    return failure.code === 'bad-request' || failure.code === 'bad-layer-types' ? 2 : 1;
  }
}

interface Place {
  readonly start: string;
  readonly root: string;
  readonly engine: string;
}

async function heal(order: HealOrder, { start, root, engine }: Place): Promise<number> {
  const folder = valueOf(findModelFolder(order.model, join(root, 'public', 'models'), start));
  const source = openFolderSource(folder);
  const out = order.out === null ? null : resolve(start, order.out);
  if (out !== null) await emptyFolder(out);
  const request = requestOf(order, await textOf(order, start, root));
  const place = () => placeInThread(new URL('./text-thread.mjs', import.meta.url));
  const opened = await openHealing(request, source, place);
  try {
    const key = JSON.stringify([folder, opened.facts, { ...request, text: request.text.name }]);
    const result = await run(
      opened,
      order.checkpoint === null ? null : resolve(start, order.checkpoint),
      key,
    );
    if (out !== null && result.step > 0) {
      const { files, readBy } = await healedFiles(opened, result, source, { name: order.model, engine });
      const { name } = await pathSink(out)(basename(out), inTurn(files));
      print({ type: 'written', folder: name, files: files.map((file) => file.name), readBy });
    }
    print({ type: 'result', end: result.end, step: result.step });
    return result.end === 'complete' ? 0 : 1;
  } finally {
    opened.text.close();
  }
}

/** @param key what has to be the same for a checkpoint to be continued */
async function run(opened: OpenedHealing, checkpointPath: string | null, key: string): Promise<HealResult> {
  print({ type: 'opened', facts: opened.facts });
  const checkpoint = checkpointPath === null ? null : new CheckpointFile(checkpointPath);
  let stopped = false;
  process.once('SIGINT', () => {
    stopped = true;
  });
  const healing = new Healing(opened, {
    emit: print,
    breathe: () => new Promise((done) => setImmediate(done)),
    stopped: () => stopped,
    keep: async (state) => {
      await checkpoint?.keep(key, state);
    },
    now: () => performance.now(),
  });
  const kept = await checkpoint?.read(key);
  if (kept) {
    healing.restore(kept);
    print({ type: 'continued', step: kept.step });
  }
  const result = await healing.run();
  await checkpoint?.flush();
  return result;
}

function requestOf(order: HealOrder, text: HealText): HealRequest {
  const recipe = {
    ...defaultRecipe(order.train, order.steps),
    sequencesPerStep: order.sequences,
    tokensPerSequence: order.tokens,
    seed: order.seed,
  };
  return {
    model: order.model,
    config: {
      ...(order.layers !== null && { layerTypes: order.layers }),
      ...(order.window !== null && { slidingWindow: order.window }),
    },
    recipe: order.rate === null ? recipe : { ...recipe, learningRate: order.rate },
    text,
    evaluateEverySteps: order.evaluateEvery,
    heldOutWindows: order.heldOutWindows,
  };
}

async function textOf({ text, heldOut }: HealOrder, start: string, root: string): Promise<HealText> {
  if (text === 'sample') {
    const shipped = (file: string) => read(join(root, 'public', 'healing', file));
    return {
      name: 'sample',
      train: await shipped('train.txt'),
      heldOut: heldOut === null ? await shipped('held-out.txt') : await read(resolve(start, heldOut)),
    };
  }
  return {
    name: basename(text),
    train: await read(resolve(start, text)),
    heldOut: heldOut === null ? null : await read(resolve(start, heldOut)),
  };
}

async function read(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Refused({ code: 'unreadable-file', file: basename(path), reason });
  }
  return textOfOwnFile(basename(path), bytes);
}

async function* inTurn<T>(items: readonly T[]): AsyncGenerator<T, void> {
  for (const item of items) yield await Promise.resolve(item);
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
