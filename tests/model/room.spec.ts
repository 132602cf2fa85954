import { modelSource } from '#platform';
import { expect, it } from 'vitest';
import { Engine } from '../../worker/engine/engine.ts';
import { succeed, valueOf } from '../../worker/outcome.ts';
import type { EngineEvent } from '../../worker/protocol/engine.ts';
import { goldenFolder } from '../support/golden.ts';
import { openGpuBackend } from '../support/random-model.ts';
import { placeHere } from '../../worker/text/place-here.ts';

it('A load reports the GPU memory of the weights before it reads any of them', async () => {
  const engine = new Engine({
    openBackend: () => openGpuBackend(),
    openTextPlace: placeHere,
    openSource: (folder) => succeed(modelSource(folder)),
  });
  const events: EngineEvent[] = [];
  const request = {
    model: goldenFolder('lckv'),
    backend: 'webgpu',
    weights: 'stored',
    quantizeEmbeddings: false,
  } as const;
  const facts = valueOf(await engine.load(request, (event) => events.push(event)));
  const [first, ...others] = events;
  if (first?.type !== 'room') throw new Error(`the first event is ${JSON.stringify(first)}`);
  expect(first.adapter).toEqual(facts.adapter);
  // All but the vectors, which are joined from several tensors once all are there.
  expect(first.weightBytes).toBeGreaterThan(0.9 * facts.weightBytes);
  expect(first.weightBytes).toBeLessThanOrEqual(facts.weightBytes);
  expect(others.map(({ type }) => type)).not.toContain('room');
  await engine.unload();
});
