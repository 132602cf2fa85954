import { expect } from 'vitest';
import type { Backend } from '../../../gpu/backend.ts';
import { greedy } from '../../../gpu/plan/sampling.ts';
import { openProcessorBackend } from '../../../gpu/wasm/backend.ts';
import { explain } from '../../../web/ui/explain.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import { openFilesSource } from '../../../worker/loader/files-source.ts';
import { succeed } from '../../../worker/outcome.ts';
import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import type { GenerateResult, Prompt } from '../../../worker/protocol/generate.ts';
import type { ModelFacts } from '../../../worker/protocol/load.ts';
import { expectReadable } from './expect-readable.ts';
import type { TextThreads } from './text-threads.ts';
import type { ModelFiles } from './tiny-model.ts';

/** No model may take longer to be loaded or refused. */
export const LONGEST_MS = 5000;

export type Tried =
  | { readonly ok: true; readonly notices: readonly string[] }
  | { readonly ok: false; readonly failure: Failure; readonly said: string };

/** As much of an engine as is judged. */
export interface Judged {
  load(...call: Parameters<Engine['load']>): Promise<Outcome<Pick<ModelFacts, 'notices'>>>;
  generate(
    ...call: Parameters<Engine['generate']>
  ): Promise<Outcome<Pick<GenerateResult, 'logits' | 'notices'>>>;
  unload(): Promise<void>;
}

/**
 * Loads a model as the headless runner does, and runs a token if it loads. Fails the test if that takes too long,
 * breaks, gives logits that are not finite, or leaves anything behind.
 */
export function tryModel(threads: TextThreads, files: ModelFiles, input: Prompt): Promise<Tried> {
  const blobs = new Map(
    Object.entries(files).flatMap(([name, content]) =>
      content === null ? [] : [[name, new Blob([content])] as const],
    ),
  );
  const backends: Backend[] = [];
  const held = { threads: 0 };
  const engine = new Engine({
    openBackend: async () => {
      const backend = await openProcessorBackend();
      backends.push(backend);
      return backend;
    },
    openTextPlace: () => threads.place(held),
    openSource: () => succeed(openFilesSource(blobs)),
  });
  const left = () => held.threads + backends.reduce((bytes, each) => bytes + each.allocatedBytes, 0);
  return judge(engine, input, left);
}

/**
 * The judgement of {@link tryModel}. The engine is unloaded whatever happens, so that the next model starts afresh.
 *
 * @param left what the engine holds: bytes and threads
 */
export async function judge(engine: Judged, input: Prompt, left: () => number): Promise<Tried> {
  const startMs = performance.now();
  let endMs: number;
  let tried: Tried;
  try {
    tried = await loadAndRun(engine, input);
  } finally {
    endMs = performance.now();
    await engine.unload();
  }
  expect(endMs - startMs).toBeLessThan(LONGEST_MS);
  expect(left(), 'bytes and threads left behind').toBe(0);
  return tried;
}

async function loadAndRun(engine: Judged, input: Prompt): Promise<Tried> {
  const load = { model: 'hostile', backend: 'cpu', weights: 'stored', quantizeEmbeddings: false } as const;
  const facts = await engine.load(load, ignore);
  if (!facts.ok) return refused(facts.failure);
  const result = await engine.generate(
    {
      input,
      config: {},
      mode: 'auto',
      kvPrecision: 'f16',
      maxNewTokens: 1,
      policy: { id: 'none' },
      ignoreEos: true,
      sampling: greedy,
      logits: [0],
      score: false,
    },
    ignore,
  );
  if (!result.ok) return refused(result.failure);
  expect(result.value.logits[0]?.every(Number.isFinite)).toBe(true);
  const notices = [...facts.value.notices, ...result.value.notices];
  expectReadable(notices.join('\n'));
  expect(notices.join('').length).toBeLessThan(4000);
  return { ok: true, notices };
}

function refused(failure: Failure): Tried {
  expect(failure.code).not.toBe('internal');
  const said = explain(failure);
  expect(said.length).toBeLessThan(1000);
  expectReadable(said);
  return { ok: false, failure, said };
}

const ignore = () => undefined;
