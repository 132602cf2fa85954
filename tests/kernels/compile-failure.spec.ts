import { expect, it } from 'vitest';
import { defineKernel } from '../../gpu/webgpu/kernel.ts';
import { swiglu } from '../../gpu/webgpu/kernels/swiglu.ts';
import { context, run } from '../support/kernels.ts';

const broken = defineKernel({
  label: 'broken',
  source: '@compute @workgroup_size(1)\nfn main() { let nothing = undeclared; }',
  bindings: { y: 'write' },
  constants: () => ({}),
  workgroups: () => [1],
});

it('A kernel that fails to compile reports name, place and message, and breaks no other', async () => {
  const attempt = run(broken, undefined, { y: new Float32Array(4) }, 'y');
  await expect(attempt).rejects.toThrow(/The kernel broken .* does not compile/);
  await expect(attempt).rejects.toThrow(/2:\d+ .*undeclared/);

  const { device, ledger } = await context();
  await (await context()).wait(device.queue.onSubmittedWorkDone()); // no further error is pending
  expect(ledger.bytes).toBe(0);
  const y = await run(
    swiglu,
    { dim: 1, yStride: 8 },
    { x: Float32Array.of(0, 3), y: new Float32Array(8) },
    'y',
  );
  expect(new Float32Array(y)[0]).toBe(0);
});

it('An override that the shader does not have is refused, so a misspelt constant is noticed', async () => {
  const misspelt = { ...swiglu, label: 'misspelt', constants: () => ({ WGG: 64 }) };
  const attempt = run(
    misspelt,
    { dim: 1, yStride: 8 },
    { x: new Float32Array(2), y: new Float32Array(8) },
    'y',
  );
  await expect(attempt).rejects.toThrow(/WGG/);
});
