import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { bareWgsl } from '../../../tools/setup/bare-wgsl.mjs';

const folder = new URL('../../../gpu/webgpu/kernels/', import.meta.url);

it('A bare kernel has its code, line for line, and nothing else', () => {
  const source = '// y = x\noverride WG: u32 = 64;  // lanes\n\nfn f() {\n  let a = 6 / 2;\n}\n';
  expect(bareWgsl(source)).toBe('override WG: u32 = 64;\nfn f() {\nlet a = 6 / 2;\n}');
});

it('No bare kernel has comments or spaces at the ends of its lines', () => {
  const kernels = readdirSync(folder).filter((name) => name.endsWith('.wgsl'));
  expect(kernels.length).toBeGreaterThan(0);
  for (const name of kernels) {
    const bare = bareWgsl(readFileSync(new URL(name, folder), 'utf8'));
    expect(bare, name).not.toMatch(/\/\*|\/\/|^\s|\s$/m);
  }
});
