import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openProcessorBackend } from '../../gpu/wasm/backend.ts';
import { openFolderSource } from '../../tools/headless/folder-source.ts';
import { loadModel } from '../../worker/loader/load-model.ts';
import { placeHere } from '../../worker/text/place-here.ts';
import { writeZeroCheckpoint } from '../support/zero-checkpoint-folder.ts';

const MOST_OVER_WEIGHTS = 1.4;

const workshop = mkdtempSync(join(tmpdir(), 'kvtab-'));
const large = join(workshop, 'large');
writeZeroCheckpoint(large);
afterAll(() => {
  rmSync(workshop, { recursive: true, force: true });
});

/** Loads a model on the processor, and frees it. @returns bytes kept, and those that the process grew by at most */
async function load(folder: string) {
  let most = 0;
  const look = () => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  const before = process.memoryUsage.rss();
  const model = await loadModel({
    ...{ weights: 'q4' as const, quantizeEmbeddings: true, openTextPlace: placeHere, emit: look },
    ...{ source: openFolderSource(folder), openBackend: () => openProcessorBackend() },
  });
  look();
  const keptBytes = model.weights.bytes;
  model.weights.free();
  return { keptBytes, addedBytes: most - before };
}

// Of all formats 4 bits keep the least, so that what comes on top counts the most.
test('loading takes at most 1.4 times what it keeps, in 4 bits', async () => {
  // What the engine takes, its code included, is not the weights'.
  await load('public/models/fairy-llama');
  const { keptBytes, addedBytes } = await load(large);
  expect(keptBytes).toBeGreaterThan(100e6);
  expect(addedBytes / keptBytes).toBeLessThan(MOST_OVER_WEIGHTS);
});
