import { expect, it, vi } from 'vitest';
import { openEngine } from '../../../tools/headless/main.ts';
import { threadsInNode } from '../../../tools/headless/threads-in-node.ts';
import { Threads } from '../../../gpu/wasm/threads/threads.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { parseRequest } from '../../../tools/headless/request.ts';

vi.mock('../../../tools/headless/threads-in-node.ts', () => ({ threadsInNode: vi.fn() }));
// Its script is there when it was built.
vi.mock('../../../tools/headless/place-in-thread.ts', async () => {
  const { placeHere } = await import('../../../worker/text/place-here.ts');
  return { placeInThread: placeHere };
});

it('An engine that has given up its threads has one in every load that follows', async () => {
  let started = 0;
  vi.mocked(threadsInNode).mockImplementation(
    () =>
      new Threads(2, () => {
        started++;
        throw new Error('no more threads here');
      }),
  );
  const engine = openEngine({ root: '.', findSoftwareVulkan: () => Promise.resolve(undefined) });
  const { load } = valueOf(parseRequest({ model: 'fairy-lckv', backend: 'cpu', prompt: 'Once' }));
  for (let loads = 0; loads < 3; loads++) {
    const { adapter } = valueOf(await engine.load(load, () => undefined));
    expect(adapter.description).toMatch(/1 thread: .*no more threads here/);
    await engine.unload();
  }
  expect(started).toBe(1);
});
