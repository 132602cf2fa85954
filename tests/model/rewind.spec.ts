import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, ModelWeights, Session } from '../../gpu/backend.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { expectAllClose } from '../support/all-close.ts';
import { layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { putRandomModel, tinyDims } from '../support/random-model.ts';
import { backends, openBackend } from '../support/test-engine.ts';

// Tokens that were read are nearly impossible, so a penalty for dropped tokens would show at once.
const sampling = { ...greedy, repetitionPenalty: 10 };
const prompt = Array.from({ length: 12 }, (_, i) => (i * 7) % 37);
const reply = [3, 1, 4];

const read = (session: Session, turn: readonly number[], mode: Mode, rows: Float32Array[] = []) =>
  session.prefill(turn, {
    mode,
    logitsAt: [turn.length - 1],
    onLogits: (_, row) => rows.push(row.slice()),
    onProgress: () => undefined,
    stopped: () => false,
  });

async function write(session: Session, maxNewTokens: number): Promise<number[]> {
  const tokens: number[] = [];
  await session.decode({
    sampling,
    maxNewTokens,
    endTokens: new Set(),
    onToken: (token) => tokens.push(token),
    stopped: () => false,
  });
  return tokens;
}

describe.each(backends)('A text on the backend %s that drops back', (name) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await openBackend(name);
  });
  afterAll(() => backend.destroy());

  async function open(plan: string, windowTokens: number): Promise<() => Promise<Session>> {
    const [model] = await putRandomModel([backend], tinyDims, layersOf(plan));
    return () =>
      (model as ModelWeights).open({
        sharing: sharingOf(plan, { windowTokens }),
        passes: { forward: 3, backward: 1 },
        kvPrecision: 'f32',
        capacityTokens: 60,
      });
  }

  it.each<[string, Mode, number]>([
    ['0_1_2_3', 'parallel', 5],
    ['0_2_2_3', 'parallel', 5],
    ['0_2_2_3', 'sequential', 9],
    ['0s_1s_2_2', 'parallel', 9], // the window is long enough to keep the rows
  ])('continues like one that never went further (%s, %s, to %i)', async (plan, mode, kept) => {
    const session = await open(plan, 20);
    const dropped = await session();
    await read(dropped, prompt, mode);
    await write(dropped, 6);
    expect(dropped.rewind(kept)).toBe(true);
    expect(dropped.kvUsage().layers[0]?.rows).toBe(kept);
    const fresh = await session();
    await read(fresh, prompt.slice(0, kept), mode);

    const rows: Float32Array[] = [];
    for (const each of [dropped, fresh]) await read(each, reply, mode, rows);
    expectAllClose(rows[0] ?? [], rows[1] ?? [], 1e-5);
    expect(await write(dropped, 8)).toEqual(await write(fresh, 8));
    expect(dropped.kvUsage()).toEqual(fresh.kvUsage());
    dropped.close();
    fresh.close();
  });

  it('into its own new tokens, or to the beginning, continues the same', async () => {
    const session = await open('0_2_2_3', 20);
    const dropped = await session();
    await read(dropped, prompt, 'parallel');
    const written = await write(dropped, 6);
    expect(dropped.rewind(prompt.length + 2)).toBe(true);
    await read(dropped, [...written.slice(2, 3), ...reply], 'parallel');
    const again = await write(dropped, 5);

    const fresh = await session();
    await read(fresh, prompt, 'parallel');
    await write(fresh, 3); // the third was never an input
    await read(fresh, [...written.slice(2, 3), ...reply], 'parallel');
    expect(again).toEqual(await write(fresh, 5));

    expect(dropped.rewind(0)).toBe(true);
    await read(dropped, prompt, 'parallel');
    expect(await write(dropped, 6)).toEqual(written);
    dropped.close();
    fresh.close();
  });

  it('after a stopped prompt continues the same', async () => {
    const session = await (await open('0_2_2_3', 20))();
    await read(session, prompt, 'sequential');
    const expected = await write(session, 4);
    session.rewind(8);
    let asked = 0;
    const stopping = { logitsAt: [], onLogits: () => undefined, onProgress: () => undefined };
    const finished = await session.prefill(reply, {
      ...stopping,
      mode: 'sequential',
      stopped: () => ++asked > 1,
    });
    expect(finished).toBe(false);
    expect(session.rewind(8)).toBe(true);
    await read(session, prompt.slice(8), 'sequential');
    expect(await write(session, 4)).toEqual(expected);
    session.close();
  });

  it('refuses if a ring no longer has the rows that it needs', async () => {
    const session = await (await open('0s_1s_2_2', 4))();
    await read(
      session,
      Array.from({ length: 40 }, (_, i) => i % 37),
      'parallel',
    );
    expect(session.rewind(20)).toBe(false);
    session.close();
  });
});
