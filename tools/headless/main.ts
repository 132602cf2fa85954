import { join, resolve } from 'node:path';
import { openProcessorBackend } from '../../gpu/wasm/backend.ts';
import { openWebGpuBackend } from '../../gpu/webgpu/backend.ts';
import { Engine } from '../../worker/engine/engine.ts';
import { openHubSource } from '../../worker/hub/hub-source.ts';
import { exportModel } from '../../worker/export/export-model.ts';
import { attemptAsync, Refused, succeed } from '../../worker/outcome.ts';
import { answerAll } from './answer.ts';
import { openFolderSource } from './folder-source.ts';
import { findModelFolder } from './model-folder.ts';
import { pathSink } from './path-sink.ts';
import { placeInThread } from './place-in-thread.ts';
import { readRequests } from './read-requests.ts';
import { threadsInNode } from './threads-in-node.ts';
import { startFolder } from './start-folder.ts';
import { openDawn } from './vulkan.ts';
import { writeAnswers } from './write-answers.ts';

export interface Surroundings {
  /** The repository's folder. */
  readonly root: string;
  readonly findSoftwareVulkan: () => Promise<string | undefined>;
}

/**
 * Reads requests from standard input and answers them on standard output, which gets nothing else.
 *
 * @returns the exit status: 0, even if answers are failures; 2 if the input is no request at all, which is answered by
 *   a failure too
 */
export async function main(surroundings: Surroundings): Promise<number> {
  keepStandardOutputClean();
  const requests = await readRequests(process.stdin);
  if (!requests.ok) {
    const { failure } = requests;
    process.stderr.write(`headless: the request is refused: ${failure.reason}\n`);
    await writeStandardOutput(`${JSON.stringify({ ok: false, failure })}\n`);
    return 2;
  }
  const engine = openEngine(surroundings);
  const answers = await answerAll(engine, requests.value);
  await writeAnswers(answers, writeStandardOutput);
  await engine.unload();
  return 0;
}

/**
 * The worker's engine in this process, for shipped models, folders and the Hub.
 *
 * @param start the folder that relative paths count from
 */
export function openEngine(
  { root, findSoftwareVulkan }: Surroundings,
  start = startFolder('headless'),
): Engine {
  const shipped = join(root, 'public', 'models');
  const threads = threadsInNode(null);
  return new Engine({
    openBackend: async (choice, profiling) =>
      choice === 'cpu'
        ? openProcessorBackend(threads)
        : openWebGpuBackend(await openDawn(findSoftwareVulkan), { profiling }),
    exportModel: (model, request, run) => {
      if (request.to.to === 'path')
        return exportModel(model, request, run, pathSink(resolve(start, request.to.path)));
      const reason = 'the headless runner exports to a folder of this machine';
      throw new Refused({ code: 'bad-request', field: 'export', reason });
    },
    openSource: (model) => {
      const folder = findModelFolder(model, shipped, start);
      return folder.ok ? succeed(openFolderSource(folder.value)) : folder;
    },
    openBrought: (model, cancelled) =>
      attemptAsync(async () => {
        if (model.from === 'hub') return openHubSource(model, cancelled);
        throw new Refused({ code: 'bad-request', field: 'model', reason: 'only a page has opened files' });
      }),
    openTextPlace: () => placeInThread(new URL('./text-thread.mjs', import.meta.url)),
  });
}

function keepStandardOutputClean(): void {
  for (const method of ['log', 'info', 'debug'] as const) console[method] = console.error;
}

const writeStandardOutput = (text: string) =>
  new Promise<void>((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
