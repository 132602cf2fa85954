/** Edited requests to the headless runner, and what may become of them. */
import { expect } from 'vitest';
import { readRequests } from '../../../tools/headless/read-requests.ts';
import { parseRequest } from '../../../tools/headless/request.ts';
import { expectReadable } from '../hostile/expect-readable.ts';
import { editedJson, jsonEdits, type JsonEdits } from './edit-json.ts';
import type { End } from './fuzz.ts';

const bases = [
  {
    ...{
      model: 'm',
      backend: 'cpu',
      prompt: 'Once',
      mode: 'parallel',
      maxNewTokens: 4,
      logits: [0, 1],
      score: true,
    },
    config: {
      layer_types: '0_1',
      sliding_window: 64,
      forward_passes: 3,
      backward_passes: 1,
      force_nodiag: true,
    },
    sampling: { temperature: 0.5, topK: 40, topP: 0.9, minP: 0.1, repetitionPenalty: 1.1, seed: 7 },
    watch: ['tokens', 'movement'],
  },
  { model: 'hub:owner/name@main', messages: [{ role: 'user', content: 'hi' }], weights: 'q4', kv: 'f32' },
  { model: 'm', turns: [[1, 2], [3]], continuation: [4, 5], reference: 'compare', quantizeEmbeddings: true },
  {
    model: 'm',
    maxNewTokens: 3,
    sampling: { temperature: 1, seed: 2 },
    sequences: [
      { prompt: 'Once', sampling: { seed: 1 } },
      { tokens: [1, 2], maxNewTokens: 2, ignoreEos: true },
    ],
  },
  { model: 'm', export: 'folder', round: 'f16', config: { layer_types: '0_1' } },
];

export const editedRequests = jsonEdits(bases.length);

/** A request is refused by the field that is wrong, or becomes calls of the engine. */
export async function checkRequest(edits: JsonEdits): Promise<End> {
  const read = await readRequests(inPieces(editedJson(bases, edits)));
  const parsed = read.ok ? parseRequest(read.value) : read;
  if (parsed.ok) {
    expect(parsed.value).toHaveProperty('load.model');
    return 'ran';
  }
  expect(parsed.failure).toMatchObject({ code: 'bad-request' });
  expect(JSON.stringify(parsed.failure).length).toBeLessThan(3000);
  expectReadable(parsed.failure.code === 'bad-request' ? parsed.failure.field + parsed.failure.reason : '');
  return parsed.failure.code;
}

async function* inPieces(text: string): AsyncGenerator<Uint8Array, void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += 100) {
    await Promise.resolve();
    yield bytes.subarray(at, at + 100);
  }
}
